"""`/_control/…`: what another process may do to a running fleet. Needs the admin's token, as the clusters do."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from simulator import errors
from simulator.api import Access, Request, Response, refuse, respond
from simulator.faults import RemoteHook
from simulator.policies import Policy

if TYPE_CHECKING:
    from simulator.host import Host


def control(fleet: Host, request: Request) -> Response:
    """Answer a request to one of the control routes.

    Routes: `PUT clusters/NAME/fault` (a Fault or null), `PUT hook` (a RemoteHook or null), `GET hook`, `GET writes`,
    `GET snapshot`, `PUT istiod` (`{"hot_reload": bool}`, `{"hosts": {name: [address]}}`), `PUT clusters/NAME/unready`
    (`{"namespace": …, "prefix": …}`: Pods whose readiness probe fails from now on), `PUT clusters/NAME/policies` (a
    list of Policy), `GET clusters`.
    """
    try:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or Access().user(token) != "admin":
            raise errors.unauthorized()
        return respond(_answer(fleet, request))
    except errors.ApiError as error:
        return refuse(error)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return refuse(errors.bad_request(str(error)))


def _answer(fleet: Host, request: Request) -> Any:
    parts = request.path.strip("/").split("/")[1:]
    body = json.loads(request.body) if request.body else None
    if request.method == "PUT" and len(parts) == 3 and parts[0] == "clusters":
        return _in_cluster(fleet, parts[1], parts[2], body)
    if request.method == "GET" and parts == ["clusters"]:
        return sorted(fleet.members)
    if request.method == "PUT" and parts == ["hook"]:
        fleet.hook(RemoteHook(**body) if body else None)
        return body
    if request.method == "GET" and parts == ["hook"]:
        hook = fleet.on_write
        return dataclasses.asdict(hook) if isinstance(hook, RemoteHook) else None
    if request.method == "GET" and parts == ["writes"]:
        return [dataclasses.asdict(record) for record in fleet.writes(request.query.get("cluster", ""))]
    if request.method == "GET" and parts == ["snapshot"]:
        return fleet.snapshot()
    if request.method == "PUT" and parts == ["istiod"]:
        return fleet.mesh.configure(**(body or {}))
    raise errors.no_such_path()


def _in_cluster(fleet: Host, name: str, what: str, body: Any) -> Any:
    if name not in fleet.members or what not in ("fault", "unready", "policies"):
        raise errors.no_such_path()
    if what == "unready":
        return fleet.members[name].fail_pods(**(body or {}))
    if what == "policies":
        fleet.members[name].cluster.policies = tuple(Policy(**each) for each in body or ())
        return body
    options = dict(body or {})
    fleet.fault(name, options.pop("kind", None), **options)
    return body
