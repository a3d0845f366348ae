from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("interconnect", "0012_admitted")]

    operations = [
        migrations.AddField(
            "rollout", "subject", models.CharField("subject", max_length=63, blank=True, default="")
        ),
    ]
