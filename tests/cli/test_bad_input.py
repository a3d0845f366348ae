"""Whatever is thrown at the command line: one clear line for each thing that is wrong, nothing stored, never a
traceback.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management.base import CommandError

from interconnect.models import Mesh
from interconnect.wording import MESSAGES
from meshconsole.audit.models import Entry
from tests.kube.test_kubeconfig import HOSTILE as EVERY_HOSTILE

if TYPE_CHECKING:
    from tests.cli.support import Shell

OK, REFUSED, FAILED, CRITICAL = 0, 1, 3, 5
LEAST = "version: 1\nmesh: prod\nenabled: true\ngroups: {}\n"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(shell: Shell, tmp_path: Path) -> None:
    for name in (str(tmp_path / "nowhere.yaml"), str(tmp_path), "bad\0name"):
        said = shell("plan", name, ends=REFUSED)
        assert "Can't read" in said.err
        assert said.out == ""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"", "1:1"),
        (b"\x7fELF\x00\x01\x02\xff\xfe", "1:"),
        (b"[" * 5000, "1:"),
        (b"a: &x [*x, *x]", "1:"),
        (b"- 1\n- 2\n", "1:1"),
        (b"version: 1\nmesh: prod\n", "1:1"),
        (LEAST.encode() + b"surprise: 1\n", "5:1"),
        (LEAST.encode() + b"mesh: other\n", "5:1"),
        (LEAST.replace("true", "maybe").encode(), "3:10"),
        (LEAST.replace("groups: {}", "groups: {010: {clusters: [a]}}").encode(), "4:"),
        (LEAST.replace("groups: {}", "groups: {Blue: {clusters: [member-a]}}").encode(), "4:"),
        (LEAST.replace("prod", "x" * 300).encode(), "2:7"),
        (b"x" * (1024 * 1024 + 1), "1:1"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(shell: Shell, text: bytes, place: str) -> None:
    path = shell.folder / "mesh.yaml"
    path.write_bytes(text)
    said = shell("plan", str(path), ends=REFUSED)
    assert f"mesh.yaml:{place}" in said.err
    assert shell("apply", "-", stdin=text, ends=REFUSED).err.startswith("-:")
    assert not Mesh.objects.exists()


def test_every_error_of_a_file_is_an_event_with_line_and_column(shell: Shell) -> None:
    events = shell("apply", shell.text(LEAST + "one: 1\ntwo: 2\n"), "--json", ends=REFUSED).events
    assert [(event["event"], event["line"], event["column"]) for event in events] == [
        ("refused", 5, 1),
        ("refused", 6, 1),
    ]


def test_a_mesh_that_is_not_there_is_said_with_those_that_are(at_work: Shell) -> None:
    for arguments in (
        ["status", "dev"],
        ["export", "dev"],
        ["check", "dev"],
        ["revert", "dev"],
        ["restart-workloads", "dev"],
        ["restart-gateway", "dev", "member-a/1"],
    ):
        assert "Known: prod" in at_work(*arguments, ends=REFUSED).err
    for arguments in (
        ["follow", "dev"],
        ["retry", "dev"],
        ["cancel", "dev"],
        ["forget", "dev", "x"],
        ["unregister", "dev", "x"],
    ):
        assert "Known: prod" in at_work(*arguments, ends=REFUSED).err
    assert "member-a" in at_work("unregister", "prod", "x", ends=REFUSED).err
    assert at_work("follow", "00000000-0000-4000-8000-000000000000", ends=REFUSED).err
    assert "mesh.yaml:" in at_work("plan", at_work.file(mesh="dev", control_plane=None), ends=REFUSED).err


def test_a_command_line_that_is_wrong_is_an_error(shell: Shell) -> None:
    for arguments in ([], ["destroy"], ["plan"], ["apply", "x", "--guard", "maybe"], ["apply", "x", "--wait", "long"]):
        with pytest.raises(CommandError):
            shell(*arguments)


def test_a_file_of_another_mesh_is_not_taken_for_this_one(at_work: Shell) -> None:
    other = at_work.file(mesh="other")
    assert at_work("apply", other, ends=REFUSED).err
    assert Mesh.objects.count() == 1


HOSTILE = {
    "exec": "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "
    "/bin/touch, args: [/tmp/x]}}}]",
    "file": "users: [{name: u, user: {tokenFile: /etc/passwd}}]",
    "auth-provider": "users: [{name: u, user: {auth-provider: {name: gcp}}}]",
    "impersonation": "users: [{name: u, user: {token: t0ken, as: system:admin}}]",
}
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://SERVER"}}]
USERS
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


def kubeconfig(server: str = "192.0.2.1:6443", users: str = "users: [{name: u, user: {token: t0ken}}]") -> str:
    return KUBECONFIG.replace("SERVER", server).replace("USERS", users)


@pytest.mark.parametrize("trap", HOSTILE)
def test_a_kubeconfig_that_is_a_trap_is_refused_where_the_file_names_it(shell: Shell, trap: str) -> None:
    (shell.folder / "member-a.kubeconfig").write_text(kubeconfig(users=HOSTILE[trap]))
    said = shell("plan", shell.file(), ends=REFUSED)
    assert "mesh.yaml:" in said.err
    assert "Unknown event" not in said.err


@pytest.mark.parametrize(
    "content", ["", "\x00\x01", "a: &a [*a]", "[]", kubeconfig("169.254.169.254"), kubeconfig("x y"), "x" * 300_000]
)
def test_a_kubeconfig_that_is_none_is_refused_where_the_file_names_it(shell: Shell, content: str) -> None:
    (shell.folder / "hub.kubeconfig").write_text(content)
    said = shell("plan", shell.file(), ends=REFUSED)
    assert "mesh.yaml:" in said.err
    assert "Unknown event" not in said.err
    assert "t0ken" not in said.err


def test_every_kubeconfig_that_the_parser_refuses_is_refused_with_its_place_and_in_words(shell: Shell) -> None:
    file = shell.file()
    for given, code in EVERY_HOSTILE.values():
        content = given if isinstance(given, bytes) else given.encode()
        (shell.folder / "hub.kubeconfig").write_bytes(content)
        (event,) = shell("plan", file, "--json", ends=REFUSED).events
        known = {f"kubeconfig.{code}", f"file.kubeconfig-{code}"}
        assert (event["code"] in known, event["line"]) == (True, 5), event
        assert event["code"] in MESSAGES
        assert "mesh.yaml:5:" in shell("plan", file, ends=REFUSED).err


def test_a_kubeconfig_that_is_missing_or_a_directory_is_named(shell: Shell) -> None:
    (shell.folder / "member-a.kubeconfig").unlink()
    (shell.folder / "member-b.kubeconfig").unlink()
    (shell.folder / "member-b.kubeconfig").mkdir()
    said = shell("plan", shell.file(), ends=REFUSED)
    assert said.err.count("mesh.yaml:") == 2


@pytest.mark.parametrize("fault", ["refuse", "html", "broken", "cut", "redirect", "401", "403", "429", "500"])
def test_a_cluster_that_lies_is_a_reason_and_no_traceback(shell: Shell, fault: str, settings: Any) -> None:
    # A busy server is waited for this long; that it is, test_commands shows.
    settings.MESHCONSOLE_CALL_DEADLINE_SECONDS = 1
    for name in ("hub", "member-b"):
        shell.world.fleet.fault(name, fault)
        said = shell("plan", shell.file(), ends=REFUSED)
        assert said.err
        assert "Unknown event" not in said.err
        shell.world.fleet.fault(name, None)


@pytest.mark.parametrize("fault", ["refuse", "html", "broken", "401", "403", "500"])
def test_a_stored_cluster_that_lies_is_shown_and_hinders_no_other(at_work: Shell, fault: str) -> None:
    at_work.world.fleet.fault("member-a", fault)
    stored = at_work.file(control_plane=None, clusters={})
    said = at_work("plan", stored)
    assert said.code in (0, 2)
    assert "member-a" in said.out
    assert "Unknown event" not in said.out + said.err
    # One that answers 403 is reachable: what the credential lacks is a warning.
    check = at_work("check", "prod", ends=OK if fault == "403" else REFUSED)
    assert "member-a" in check.out
    at_work("restart-workloads", "prod", "--cluster", "member-a", ends=REFUSED)
    at_work("restart-gateway", "prod", "member-a/1", ends=REFUSED)


def test_a_control_plane_that_died_is_said_by_every_command(at_work: Shell) -> None:
    at_work.world.fleet.fault("hub", "refuse")
    at_work("check", "prod", ends=REFUSED)
    at_work("status", "prod", ends=CRITICAL)
    at_work("export", "prod", ends=0)
    stored = at_work.content["groups"]
    joined = {**stored, "red": {**stored["red"], "joined": [{"gateway": "member-c/1"}]}}
    at_work("apply", at_work.file(control_plane=None, clusters={}, groups=joined), ends=FAILED)
    assert Entry.objects.filter(action="rollout.failed").exists()
