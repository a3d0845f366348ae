from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("interconnect", "0013_rollout_subject")]

    operations = [
        migrations.AddField(
            of, "noted_at", models.DateTimeField("noted by a step at", null=True, blank=True)
        )
        for of in ("meshobservation", "clusterobservation")
    ]
