"""The known state of a mesh, and a fresh check of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from interconnect.cli import codes
from interconnect.cli.following import step_as_json
from interconnect.cli.output import told
from interconnect.domain.checks import pairs
from interconnect.domain.json_types import Json
from interconnect.models import ClusterObservation, GatewayObservation, Mesh, MeshObservation, Rollout
from interconnect.services import rollouts
from interconnect.services.checking import run_checks
from interconnect.state import desired, observed
from interconnect.wording import phrases
from interconnect.wording.matrix import REACH, TOLD, answer_text
from interconnect.wording.phrases import step_name
from interconnect.wording.values import value_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from interconnect.cli.output import Output
    from interconnect.domain.checks import Answer, ChecksResult, Matrix, Pair
    from interconnect.domain.findings import Alert, Found
    from interconnect.domain.topology import Gateway, Topology


def status_of(mesh: Mesh) -> Json:
    """Return the state of the mesh, from the database alone."""
    topology = desired.load(mesh)
    clusters = {
        row.cluster.name: row for row in ClusterObservation.objects.filter(cluster__mesh=mesh).select_related("cluster")
    }
    gateways = {str(row.gateway_id): row for row in GatewayObservation.objects.filter(gateway__cluster__mesh=mesh)}
    row = MeshObservation.objects.filter(mesh=mesh).first()
    left, steps = rollouts.not_applied(mesh)
    return {
        "mesh": mesh.name,
        "kind": mesh.kind,
        "enabled": mesh.enabled,
        "revision": mesh.revision,
        "restart": mesh.restart,
        "istiods": (row.facts if row else {}).get("istiods", []),
        "clusters": {name: _cluster(cluster.uid, clusters.get(name)) for name, cluster in topology.clusters.items()},
        "groups": {name: _group(topology, name, gateways) for name in topology.groups},
        "stale": [
            {"cluster": name, **row.facts["stale"]} for name, row in sorted(clusters.items()) if row.facts.get("stale")
        ],
        "not_applied": {"steps": left, "of": steps},
        "alerts": [told(alert) for alert in observed.alerts_of(row)],
        "rollout": rollout_of(mesh),
    }


def _cluster(uid: str, row: ClusterObservation | None) -> Json:
    if row is None:
        return {"uid": uid}
    return {"uid": uid, "observed_at": row.at, "answered_at": row.answered_at, "error": row.error_code, **row.facts}


def _group(topology: Topology, name: str, seen: Mapping[str, GatewayObservation]) -> Json:
    """Return a group as JSON. `joined` is the list of its addresses, or null if it isn't joined."""
    group = topology.groups[name]
    joined = None
    if group.addresses is not None:
        joined = [
            {"host": each.host, "port": each.port, "gateway": str(each.gateway) if each.gateway else None}
            for each in group.addresses
        ]
    gateways = {
        str(gateway.key): _gateway(gateway, seen.get(gateway.id)) for gateway in topology.gateways_of_group(name)
    }
    return {"clusters": sorted(group.clusters), "joined": joined, "gateways": gateways}


def _gateway(gateway: Gateway, row: GatewayObservation | None) -> Json:
    """Return a gateway as last seen. `replicas` counts the running ones; `ready` says whether all desired ones run."""
    facts: Json = row.facts if row else {}
    running, wanted = facts.get("ready", 0), facts.get("replicas", gateway.spec.replicas)
    return {
        "name": gateway.name,
        "ready": bool(facts.get("injected")) and running == wanted,
        "replicas": running,
        "desired": wanted,
        "addresses": facts.get("addresses", []),
        "reason": facts.get("reason") or facts.get("address_reason") or "",
        "observed_at": row.at if row else None,
    }


def rollout_of(mesh: Mesh) -> Json | None:
    last = Rollout.objects.filter(mesh=mesh).order_by("-created_at").first()
    if last is None:
        return None
    return {
        "id": str(last.id),
        "kind": last.kind,
        "status": last.status,
        "actor": last.actor,
        "address_pending": last.address_pending,
        "steps": [{"name": step_name(step.kind), **step_as_json(step)} for step in last.steps.all()],
    }


def show_status(mesh: Mesh, output: Output) -> int:
    content = status_of(mesh)
    if output.as_json:
        output.document(content)
        return codes.OK
    output.say(_("Mesh %(mesh)s, revision %(revision)s") % content, {})
    for name, group in content["groups"].items():
        addresses = ", ".join(f"{each['host'] or _('awaited')}:{each['port']}" for each in group["joined"] or ())
        state = (
            _("joined at %(addresses)s") % {"addresses": addresses} if group["joined"] is not None else _("not joined")
        )
        output.say(f"  {name}: {', '.join(group['clusters'])} · {state}", {})
        for key, gateway in group["gateways"].items():
            running = f"{gateway['replicas']}/{gateway['desired']}"
            output.say(
                f"    {key}: {gateway['name']} · {running} · "
                f"{', '.join(gateway['addresses']) or gateway['reason'] or '-'}",
                {},
            )
    if content["rollout"]:
        last = content["rollout"]
        output.say(
            _("Last rollout %(id)s: %(status)s") % {"id": last["id"], "status": value_text("status", last["status"])},
            {},
        )
    if content["not_applied"]["steps"]:
        output.say(_("%(steps)s of %(of)s steps not applied") % content["not_applied"], {})
    _say_alerts(_alerts(mesh), output)
    return codes.OK


def show_checks(mesh: Mesh, output: Output) -> int:
    """Run the checks, print their results and return 1 if something is wrong.

    A failing data path doesn't count as wrong: the console isn't where the Pods are.
    """
    result = run_checks(mesh)
    alerts = _alerts(mesh)
    found = pairs(desired.load(mesh), result.matrix.told, result.matrix.reach)
    if output.as_json:
        document = {
            "alerts": [told(alert) for alert in alerts],
            "findings": [told(finding) for finding in result.findings],
            "failure": told(result.failure) if result.failure else None,
            "pairs": [_pair(pair, result.matrix) for pair in found],
        }
        output.document(document)
    else:
        _say_checks(alerts, result, found, output)
    grave = any(alert.grave for alert in alerts) or any(finding.grave for finding in result.findings)
    return codes.REFUSED if grave or result.failure or any(pair.mistold for pair in found) else codes.OK


def _say_checks(alerts: tuple[Alert, ...], result: ChecksResult, found: tuple[Pair, ...], output: Output) -> None:
    said = (*alerts, *result.findings, *((result.failure,) if result.failure else ()))
    _say_alerts(said, output)
    wrong = [pair for pair in found if pair.problem]
    for pair in wrong:
        names = {"source": pair.source, "target": pair.target, "told": TOLD[pair.told], "reach": REACH[pair.reach]}
        parts = [*([_("disagree")] if pair.disagree else []), *_evidence(pair, result.matrix, answer_text)]
        line = _("%(source)s → %(target)s: control plane: %(told)s; data path: %(reach)s") % names
        output.say(f"  ! {line}{_in_brackets(parts)}", {})
    if not said and not wrong:
        output.say(_("No problems found."), {})


def _pair(pair: Pair, found: Matrix) -> Json:
    verdict = {
        "disagree": pair.disagree,
        "problem": pair.problem,
        "evidence": _evidence(pair, found, lambda answer: answer.line),
    }
    return {
        "source": pair.source,
        "target": pair.target,
        "joined": pair.joined,
        "told": pair.told,
        "reach": pair.reach,
        **verdict,
    }


def _evidence(pair: Pair, found: Matrix, line: Callable[[Answer], str]) -> list[str]:
    way = found.ways.get(pair.target)
    return [*found.evidence.get((pair.source, pair.target), ()), *(map(line, way.evidence) if way else ())]


def _alerts(mesh: Mesh) -> tuple[Alert, ...]:
    return observed.alerts_of(MeshObservation.objects.filter(mesh=mesh).first())


def _say_alerts(alerts: Iterable[Found], output: Output) -> None:
    for alert in alerts:
        output.say(f"  ! {phrases.reason(alert)}{_where(alert.params)}", {})


def _where(params: Mapping[str, Any]) -> str:
    """Return the cluster and the last writers, which most sentences leave to the page around them."""
    parts = [str(params["cluster"])] if params.get("cluster") else []
    parts += [_("last written by %(owners)s") % {"owners": ", ".join(params["owners"])}] if params.get("owners") else []
    return _in_brackets(parts)


def _in_brackets(parts: list[str]) -> str:
    return f" [{'; '.join(parts)}]" if parts else ""
