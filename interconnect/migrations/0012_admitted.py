from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("interconnect", "0011_observed_as_seen")]

    operations = [
        migrations.AddField(
            "appliedentry", "admitted", models.JSONField("changed by admission", default=list, blank=True)
        ),
    ]
