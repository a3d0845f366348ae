"""What earlier versions had observed, in the shape of a look."""

from django.db import migrations


def take_over(apps, schema_editor):
    _clusters(apps.get_model("interconnect", "ClusterObservation"))
    _gateways(apps.get_model("interconnect", "GatewayObservation"))
    _meshes(apps.get_model("interconnect", "MeshObservation"), apps.get_model("interconnect", "ChecksObservation"))


def _standing(value, at):
    return {"value": value, "since": at.isoformat(), "doubt": None, "doubt_at": None}


def _clusters(rows):
    for row in rows.objects.all().iterator():
        said = row.facts
        stale = said.get("stale") or {}
        row.details = {
            "version": said.get("version", ""),
            "pod_cidrs": said.get("pod_cidrs", []),
            "unlabelled": stale or None,
        }
        row.details_at = row.answered_at
        row.facts = {key: said[key] for key in ("webhooks", "stale") if key in said}
        if row.at and (row.answered_at or row.error_code):
            row.standing = _standing("failing" if row.error_code else "answers", row.at)
        row.save(update_fields=["details", "details_at", "facts", "standing"])


def _gateways(rows):
    for row in rows.objects.all().iterator():
        said = row.facts
        made = "ready" in said
        available, replicas = said.get("ready", 0), said.get("replicas", 0)
        row.facts = {
            "present": True if made else None,
            "replicas": replicas,
            "available": available,
            "reason": said.get("reason", ""),
            # a False may be left of a rolling update: the next look says what is true
            "injected": True if said.get("injected") else None,
            "addresses": said.get("addresses"),
            "address_reason": said.get("address_reason", ""),
        }
        if made:
            readiness = "none" if available <= 0 else "some" if available < replicas else "all"
            row.standing = _standing(readiness, row.at)
        row.save(update_fields=["facts", "standing"])


def _meshes(rows, checks):
    for row in rows.objects.all().iterator():
        result = row.facts.pop("checks", None)
        if result and result.get("at"):
            checks.objects.create(mesh_id=row.mesh_id, at=result["at"], result=result)
        row.answered_at = row.at
        row.save(update_fields=["facts", "answered_at"])


class Migration(migrations.Migration):
    dependencies = [("interconnect", "0010_looks")]
    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
