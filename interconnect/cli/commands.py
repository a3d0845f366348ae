"""The subcommands: arguments in, exit code out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import yaml
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from interconnect.cli import codes
from interconnect.cli.find import actor_for, cluster_named, gateway_named, mesh_named, require_sight, rollout_of
from interconnect.cli.following import follow
from interconnect.cli.showing import note_lines, registration_lines, show_filing
from interconnect.cli.status import show_checks, show_status
from interconnect.domain.accounts import Place, as_yaml, script
from interconnect.domain.names import group_name_violation
from interconnect.domain.refusal import Refused
from interconnect.domain.topology import RestartPolicy
from interconnect.domain.verify import GuardChoice
from interconnect.domain.violations import Violation
from interconnect.files.document import Document, parse
from interconnect.files.export import export
from interconnect.services import clusters, rollouts, workloads
from interconnect.services.filing import FileRefused, Filing, consider, register
from interconnect.state import desired
from interconnect.wording import word
from meshconsole.text import visible

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from interconnect.cli.output import Output
    from interconnect.models import Mesh

Options = dict[str, Any]
FILE_LIMIT = 1024 * 1024


class Parser(CommandParser):
    """A parser that exits with 1 on a usage error, like every other error. 2 means that a plan has changes."""

    def error(self, message: str) -> NoReturn:
        if not self.called_from_command_line:
            super().error(message)
        self.print_usage(sys.stderr)
        self.exit(codes.REFUSED, f"error: {visible(message)}\n")


_ACCEPT: Options = {
    "action": "append",
    "default": [],
    "metavar": "TOKEN",
    "help": "override a finding, adopt an object or take over a field; plan prints the token",
}
_GUARD: Options = {
    "choices": [choice.value for choice in GuardChoice],
    "default": GuardChoice.FAIL.value,
    "help": "what to do if a control plane restart would lose endpoints",
}


def add_arguments(parser: ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, parser_class=Parser)

    def command(name: str, text: str, *positional: str) -> ArgumentParser:
        sub = commands.add_parser(name, help=text)
        for argument in positional:
            sub.add_argument(argument)
        sub.add_argument("--json", action="store_true", help="print JSON instead of text")
        sub.add_argument("--user", help="act with the role of this user")
        return sub

    plan = command("plan", "show what apply would do; stores nothing", "file")
    plan.add_argument("--accept", **_ACCEPT)
    apply = command("apply", "change the mesh to what the file says", "file")
    apply.add_argument("--accept", **_ACCEPT)
    apply.add_argument("--allow-removal", action="store_true", help="allow removing, deleting and disabling")
    apply.add_argument("--guard", **_GUARD)
    apply.add_argument(
        "--restart",
        choices=[policy.value for policy in RestartPolicy],
        help="control plane restart policy, for this rollout only",
    )
    _add_wait(apply)
    command("export", "print the mesh as a file", "mesh")
    command("check", "check the mesh and its clusters now", "mesh")
    command("status", "print the state of the mesh as last observed", "mesh")
    _add_wait(command("follow", "follow a rollout and help to carry it out", "rollout"))
    retry = command("retry", "retry the failed steps of a rollout", "rollout")
    retry.add_argument("--accept", **_ACCEPT)
    retry.add_argument("--guard", **_GUARD)
    _add_wait(retry)
    command("cancel", "cancel a rollout; the current step finishes first", "rollout")
    revert = command("revert", "return to the topology before the last rollout", "mesh")
    revert.add_argument("--guard", **_GUARD)
    revert.add_argument("--allow-removal", action="store_true", help="allow removing, deleting and disabling")
    _add_wait(revert)
    restart = command("restart-workloads", "restart workloads that carry another network", "mesh")
    restart.add_argument("--group", default="")
    restart.add_argument("--cluster", default="")
    _add_wait(restart)
    _add_wait(command("restart-gateway", "replace the Pods of an east-west gateway", "mesh", "gateway"))
    forget = command("forget", "forget a cluster that is gone for good", "mesh", "cluster")
    forget.add_argument("--confirm", default="", metavar="CLUSTER", help="the name of the cluster again")
    command("unregister", "remove a cluster from the mesh", "mesh", "cluster")
    account = command("account", "print a script that creates the console's account in a cluster")
    account.add_argument("place", choices=[place.value for place in Place], help="what the cluster is to the mesh")
    account.add_argument("--system-namespace", default="istio-system", metavar="NAME")
    account.add_argument("--yaml", action="store_true", help="print only the account and its permissions, as YAML")


def _add_wait(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--wait", type=float, default=10, metavar="MINUTES", help="how long to wait for a pending address"
    )


def read_document(name: str) -> tuple[Document, Path]:
    """Return the document and the folder that its paths are relative to. `-` is standard input.

    Raises Refused when the file can't be read, and FileRefused when the document has errors.
    """
    try:
        if name == "-":
            content, folder = sys.stdin.buffer.read(FILE_LIMIT + 1), Path.cwd()
        else:
            path = Path(name)
            with path.open("rb") as file:
                content, folder = file.read(FILE_LIMIT + 1), path.resolve().parent
    except (OSError, ValueError) as error:
        raise Refused.because(
            "cli.file", name=name, reason=getattr(error, "strerror", None) or type(error).__name__
        ) from None
    document = parse(content)
    if not isinstance(document, Document):
        raise FileRefused(document)
    return document, folder


def plan(options: Options, output: Output) -> int:
    document, folder = read_document(options["file"])
    require_sight(document.mesh, options["user"])
    filing = consider(document, folder, accept=frozenset(options["accept"]))
    show_filing(filing, output)
    if filing.refusals:
        if not output.as_json:
            output.refuse(filing.refusals)
        return codes.REFUSED
    return codes.OK if filing.empty else codes.CHANGES


def apply(options: Options, output: Output) -> int:
    document, folder = read_document(options["file"])
    require_sight(document.mesh, options["user"])
    accept = frozenset(options["accept"])
    filing = consider(document, folder, accept=accept)
    actor = actor_for(options["user"], filing.mesh)
    if filing.refusals:
        raise Refused(filing.refusals)
    if filing.empty:
        output.say(_("Nothing to do."), {"event": "nothing"})
        return codes.OK
    _require_removal(filing, allowed=options["allow_removal"])
    for line in registration_lines(filing):
        output.say(line, {"event": "registered", "what": line})
    for line in note_lines(filing):
        output.say(f"! {line}", {"event": "note", "what": line})
    mesh = register(filing, actor=actor)
    if not filing.changes and filing.preview.empty:
        return codes.OK
    restart = RestartPolicy(options["restart"]) if options["restart"] else None
    live = {} if filing.mesh is None else filing.preview.live
    guard = options["guard"]
    if filing.changes:
        start = rollouts.Start(mesh, filing.changes, accept=accept, guard=guard, restart=restart, live=live)
        rollout = rollouts.rollout_start(actor=actor, start=start)
    else:
        rollout = rollouts.drift_restore(actor=actor, mesh=mesh, live=live, accept=accept, guard=guard)
    return follow(rollout, output, wait_minutes=options["wait"], actor=actor)


def _require_removal(filing: Filing, *, allowed: bool) -> None:
    if filing.removals and not allowed:
        from interconnect.wording.changes import describe

        raise Refused([Violation("cli.removal", {"changes": [describe(change) for change in filing.removals]})])


def export_mesh(options: Options, output: Output) -> int:
    mesh = mesh_named(options["mesh"], options["user"])
    text = export(desired.load(mesh), revision=mesh.revision, mesh_name=mesh.name, restart=RestartPolicy(mesh.restart))
    if output.as_json:
        output.document(yaml.safe_load(text))
    else:
        output.out.write(text)
    return codes.OK


def status(options: Options, output: Output) -> int:
    return show_status(mesh_named(options["mesh"], options["user"]), output)


def check(options: Options, output: Output) -> int:
    return show_checks(mesh_named(options["mesh"], options["user"]), output)


def follow_rollout(options: Options, output: Output) -> int:
    return follow(rollout_of(options["rollout"], options["user"]), output, wait_minutes=options["wait"])


def retry(options: Options, output: Output) -> int:
    rollout = rollout_of(options["rollout"], options["user"])
    actor = actor_for(options["user"], rollout.mesh)
    rollouts.rollout_retry(actor=actor, rollout=rollout, accept=options["accept"], guard=options["guard"])
    return follow(rollout, output, wait_minutes=options["wait"], actor=actor)


def cancel(options: Options, output: Output) -> int:
    rollout = rollout_of(options["rollout"], options["user"])
    rollouts.rollout_cancel(actor=actor_for(options["user"], rollout.mesh), rollout=rollout)
    output.say(_("Cancellation requested."), {"event": "cancel", "rollout": str(rollout.id)})
    return codes.OK


def revert(options: Options, output: Output) -> int:
    mesh = mesh_named(options["mesh"], options["user"])
    actor = actor_for(options["user"], mesh)
    start = rollouts.Start(mesh, guard=options["guard"])
    rollout = rollouts.rollout_revert(actor=actor, start=start, allow_removal=options["allow_removal"])
    return follow(rollout, output, wait_minutes=options["wait"], actor=actor)


def restart_workloads(options: Options, output: Output) -> int:
    mesh: Mesh = mesh_named(options["mesh"], options["user"])
    actor = actor_for(options["user"], mesh)
    rollout = workloads.workloads_restart(actor=actor, mesh=mesh, group=options["group"], cluster=options["cluster"])
    return follow(rollout, output, wait_minutes=options["wait"])


def restart_gateway(options: Options, output: Output) -> int:
    mesh = mesh_named(options["mesh"], options["user"])
    gateway = gateway_named(mesh, options["gateway"])
    rollout = workloads.gateway_restart(actor=actor_for(options["user"], mesh), gateway=gateway)
    return follow(rollout, output, wait_minutes=options["wait"])


def forget(options: Options, output: Output) -> int:
    mesh = mesh_named(options["mesh"], options["user"])
    cluster = cluster_named(mesh, options["cluster"])
    left = clusters.cluster_forget(
        actor=actor_for(options["user"], mesh), cluster=cluster, confirmation=options["confirm"]
    )
    output.say(
        _("Forgotten. May still be on the cluster: %(left)s") % {"left": ", ".join(left) or "-"},
        {"event": "forgotten", "left": left},
    )
    return codes.OK


def unregister(options: Options, output: Output) -> int:
    mesh = mesh_named(options["mesh"], options["user"])
    cluster = cluster_named(mesh, options["cluster"])
    clusters.cluster_unregister(actor=actor_for(options["user"], mesh), cluster=cluster)
    output.say(_("Removed from the mesh."), {"event": "unregistered", "cluster": options["cluster"]})
    return codes.OK


def account(options: Options, output: Output) -> int:
    namespace = options["system_namespace"]
    if group_name_violation(namespace):
        raise Refused.because("namespace.name", name=namespace)
    texts = {"script": script, "yaml": as_yaml}
    place = Place(options["place"])
    if output.as_json:
        output.document({name: render(place, namespace, word) for name, render in texts.items()})
    else:
        output.out.write(texts["yaml" if options["yaml"] else "script"](place, namespace, word))
    return codes.OK


COMMANDS: Mapping[str, Callable[[Options, Output], int]] = {
    "plan": plan,
    "apply": apply,
    "export": export_mesh,
    "status": status,
    "check": check,
    "follow": follow_rollout,
    "retry": retry,
    "cancel": cancel,
    "revert": revert,
    "restart-workloads": restart_workloads,
    "restart-gateway": restart_gateway,
    "forget": forget,
    "unregister": unregister,
    "account": account,
}
