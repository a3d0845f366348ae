"""A recognisable secret goes through everything; it must come out nowhere but at the cluster it is for."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from django.apps import apps

from interconnect.clients import api_of
from interconnect.domain.refusal import Refused
from interconnect.kube.errors import KubeError
from interconnect.models import Connection
from interconnect.observing.newcomer import credential_of

if TYPE_CHECKING:
    from tests.cli.support import Shell

CANARY = "c4n4ry-5ecret-b1rd-in-a-coal-mine-admin-token"
PASSWORD = "hunter2-c4n4ry-passw0rd"


def rows() -> str:
    """Every column of every table, as text."""
    models = [model for model in apps.get_models() if model._meta.managed]
    return "\n".join(f"{model.__name__} {row}" for model in models for row in model._default_manager.values())


def clean(text: str, where: str) -> None:
    for secret in (CANARY, PASSWORD, CANARY[5:25], PASSWORD[3:20]):
        assert secret not in text, f"{secret} in {where}: …{text[max(0, text.find(secret) - 300) :][:400]}"


def test_a_secret_of_a_kubeconfig_is_in_no_row_log_output_or_exception(
    shell: Shell, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    fleet = shell.world.fleet

    def run(*arguments: str) -> None:
        outcome = shell(*arguments)
        said.append(outcome.out + outcome.err)

    for path in shell.folder.glob("*.kubeconfig"):
        path.write_text(path.read_text().replace("simulator-admin-token", CANARY))
    file = shell.file()
    for fault in ("500", "403", "401", "409", "422", "html", "broken"):
        fleet.fault("member-b", fault, message=f"who sent Bearer {CANARY} with password {CANARY}?")
        run("plan", file, "--json")
        run("apply", file)
    fleet.fault("member-b", None)
    run("apply", file, "--json")
    assert shell("plan", file).code == 0
    joined = {
        **shell.content["groups"],
        "green": {**shell.content["groups"]["green"], "joined": [{"gateway": "member-b/1"}]},
    }
    for fault in ("500", "403", "401", "422"):
        fleet.fault("member-b", fault, message=f"token {CANARY} is wrong")
        for command in ("plan", "apply"):
            run(command, shell.file(groups=joined))
        for command in ("check", "retry", "status"):
            run(command, "prod", "--json")
    fleet.fault("member-b", None)
    run("retry", "prod")
    run("export", "prod")
    assert "Succeeded" in "".join(said)
    clean("\n".join(said), "output")
    clean(caplog.text, "logs")
    clean(rows(), "rows")


def test_a_kubeconfig_that_is_refused_is_quoted_nowhere(shell: Shell, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    good = shell.world.fleet.kubeconfig("hub").replace("simulator-admin-token", CANARY)
    traps = [
        good.replace(f"token: {CANARY}", f"username: admin, password: {PASSWORD}"),
        good.replace(f"token: {CANARY}", f"token: '{CANARY} {CANARY}'"),
        good.replace("current-context", f"{CANARY}: x\ncurrent-context: y\ncurrent-context"),
        good.replace("https://127", f"https://admin:{PASSWORD}@127"),
        good + CANARY,
        good.replace("kind: Config", f"kind: {CANARY}"),
        good.replace(f"token: {CANARY}", f"token: [{CANARY}]"),
        good.replace(f"token: {CANARY}", f"tokenFile: {CANARY}"),
    ]
    said = []
    for trap in traps:
        (shell.folder / "hub.kubeconfig").write_text(trap)
        with pytest.raises(Refused, match=r"kubeconfig\.") as refused:
            credential_of(trap)
        outcome = shell("apply", shell.file(), ends=1)
        said.append(outcome.out + outcome.err)
        said.append("".join(traceback.TracebackException.from_exception(refused.value).format()))
        said += [str(violation) for violation in refused.value.violations]
    clean("\n".join(said), "what was said")
    clean(caplog.text, "logs")
    clean(rows(), "rows")


def test_an_error_of_a_cluster_and_a_credential_show_no_secret(shell: Shell) -> None:
    kubeconfig = shell.world.fleet.kubeconfig("hub").replace("simulator-admin-token", CANARY)
    (shell.folder / "hub.kubeconfig").write_text(kubeconfig)
    shell("apply", shell.file(clusters={}, groups={}), ends=0)
    row = Connection.objects.get()
    clean(repr(credential_of(kubeconfig)) + repr(row.__dict__), "repr")
    api = api_of(row)
    shell.world.fleet.fault("hub", "500", message=f"Authorization: Bearer {CANARY}")
    with pytest.raises(KubeError) as failed:
        api.version()
    clean("".join(traceback.TracebackException.from_exception(failed.value).format()), "traceback")
    clean(repr(failed.value.__dict__), "error")
