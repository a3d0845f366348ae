"""The script that creates the console's account, run by a shell, with a `kubectl` that answers what a test wants."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from django.utils import translation

from interconnect.domain.accounts import Place, as_yaml, script
from interconnect.kube.kubeconfig import Reading, read
from interconnect.wording import word
from tests.kube.servers import AUTHORITY, DENIED
from tests.support.tokens import jwt

KUBECTL = """#!/bin/sh
printf '%s\\n' "$*" >> calls
known() { if [ -f "$1" ]; then cat "$1"; fi; }
case "$*" in
  "config current-context") known context; [ -f context ] ;;
  *" config view "* | "config view "*) field=${*##*.cluster.}; known "${field%%\\}*}" ;;
  *" apply -f -") cat >> applied; echo --- >> applied; echo applied ;;
  *"ready"*) [ -f empty ] || printf ready ;;
  *" get secret "*base64decode*) cat token ;;
  *" get configmap kube-root-ca.crt "*) known root ;;
  *" create token "*) cat token; echo ;;
  *) echo "unexpected: $*" >&2; exit 9 ;;
esac
"""
TOKEN = jwt(sub="system:serviceaccount:meshconsole:meshconsole")
CONTEXT = "arn:aws:eks:eu-1:1:cluster/it's $HOME"
SHELLS = [path for path in map(shutil.which, ("sh", "dash", "bash", "zsh", "busybox")) if path]


@dataclass
class Terminal:
    """A folder with the script and a kubectl; each answer of kubectl is a file in it."""

    folder: Path

    def answers(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.folder / name.replace("_", "-")).write_text(text)

    def run(self, *arguments: str, shell: str = "/bin/sh", trace: bool = False) -> subprocess.CompletedProcess[str]:
        own = ["sh"] if shell.endswith("busybox") else []
        command = [shell, *own, *(["-x"] if trace else []), "account.sh", *arguments]
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": path, "HOME": "/elsewhere"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def calls(self) -> str:
        return (self.folder / "calls").read_text()

    def written(self) -> list[Path]:
        return sorted(self.folder.glob("*.kubeconfig*"))

    def kubeconfig(self, name: str) -> Reading:
        found = read((self.folder / name).read_text(), deny=DENIED)
        assert isinstance(found, Reading), found
        return found


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    (tmp_path / "account.sh").write_text(script(Place.MEMBER, "istio-system", word))
    found = Terminal(tmp_path)
    found.answers(context=CONTEXT, server="https://api.example.org:6443", token=TOKEN)
    found.answers(certificate_authority_data=encoded(AUTHORITY.pem))
    return found


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_kubeconfig_is_one_that_the_console_takes(terminal: Terminal, shell: str) -> None:
    done = terminal.run(shell=shell)
    assert done.returncode == 0, done.stderr
    (path,) = terminal.written()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = terminal.kubeconfig(path.name)
    assert (found.credential.server, found.credential.token) == ("https://api.example.org:6443", TOKEN)
    assert found.credential.ca_pem == AUTHORITY.pem
    assert found.ignored == () and not found.remote_cluster
    assert path.name in done.stderr and CONTEXT in done.stderr and done.stdout == ""


def test_what_is_applied_is_the_yaml_that_is_shown_and_a_secret(terminal: Terminal) -> None:
    assert terminal.run().returncode == 0
    applied = [found for found in yaml.safe_load_all((terminal.folder / "applied").read_text()) if found]
    shown = [found for found in yaml.safe_load_all(as_yaml(Place.MEMBER, "istio-system", word)) if found]
    assert applied[:-1] == shown
    assert applied[-1]["type"] == "kubernetes.io/service-account-token"
    assert all(f"--context={CONTEXT}" in line for line in terminal.calls.splitlines() if "current-context" not in line)


def test_the_token_is_in_no_argument_output_or_trace(terminal: Terminal) -> None:
    for arguments in ((), ("--token-hours", "24")):
        done = terminal.run(*arguments, trace=True)
        assert done.returncode == 0, done.stderr
        assert not any(TOKEN[start : start + 12] in terminal.calls + done.stdout + done.stderr for start in (0, 20, 40))


def test_running_it_again_replaces_a_file_that_others_can_read(terminal: Terminal) -> None:
    assert terminal.run("--file", "own").returncode == 0
    own = terminal.folder / "own"
    own.chmod(0o644)
    terminal.answers(token=jwt(sub="system:serviceaccount:meshconsole:meshconsole", n=2))
    assert terminal.run("--file", "own").returncode == 0
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert terminal.kubeconfig("own").credential.token != TOKEN


def test_a_token_that_expires_needs_no_secret(terminal: Terminal) -> None:
    done = terminal.run("--token-hours", "720", "--required-only")
    assert done.returncode == 0, done.stderr
    applied = (terminal.folder / "applied").read_text()
    assert "Secret" not in applied and "optional" not in applied
    assert "create token meshconsole --duration=720h" in terminal.calls
    assert terminal.kubeconfig(terminal.written()[0].name).credential.token == TOKEN


def test_context_and_server_can_be_others(terminal: Terminal) -> None:
    terminal.answers(tls_server_name="kubernetes.default.svc")
    done = terminal.run("--context", "two", "--server", "https://10.0.0.9:6443")
    assert done.returncode == 0, done.stderr
    found = terminal.kubeconfig("meshconsole-two.kubeconfig")
    assert (found.context, found.credential.server) == ("two", "https://10.0.0.9:6443")
    assert found.credential.tls_server_name == "kubernetes.default.svc"
    assert "current-context" not in terminal.calls


def test_a_server_that_is_not_verified_gets_the_clusters_authority(terminal: Terminal) -> None:
    (terminal.folder / "certificate-authority-data").unlink()
    terminal.answers(insecure_skip_tls_verify="true", root=AUTHORITY.pem)
    assert terminal.run("--file", "own").returncode == 0
    found = terminal.kubeconfig("own").credential
    assert (found.ca_pem, found.insecure) == (AUTHORITY.pem, False)


def test_a_server_on_this_machine_and_a_proxy_are_only_noted(terminal: Terminal) -> None:
    terminal.answers(server="https://127.0.0.1:40001", proxy_url="http://proxy:3128")
    with translation.override("en"):
        done = terminal.run()
    assert done.returncode == 0
    assert "https://127.0.0.1:40001 leads to this machine" in done.stderr
    assert "kubectl uses a proxy" in done.stderr


def test_a_secret_without_a_token_leaves_no_file(terminal: Terminal) -> None:
    terminal.answers(empty="")
    done = terminal.run()
    assert (done.returncode, terminal.written()) == (1, [])
    assert "--token-hours 24" in done.stderr


@pytest.mark.parametrize("missing", ["token", "context"])
def test_an_answer_that_does_not_come_leaves_no_file(terminal: Terminal, missing: str) -> None:
    (terminal.folder / missing).unlink()
    done = terminal.run()
    assert done.returncode != 0
    assert terminal.written() == []


@pytest.mark.parametrize("arguments", [("--contex", "a"), ("--file",), ("a",)])
def test_a_wrong_option_changes_nothing(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    done = terminal.run(*arguments)
    assert done.returncode == 1
    assert "--required-only" in done.stderr
    assert not (terminal.folder / "calls").exists()


def test_a_script_that_was_cut_off_does_nothing(terminal: Terminal) -> None:
    whole = (terminal.folder / "account.sh").read_text()
    for kept in range(200, len(whole) - 12, len(whole) // 12):
        (terminal.folder / "account.sh").write_text(whole[:kept])
        terminal.run()
        assert not (terminal.folder / "calls").exists()


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell.endswith(("bash", "zsh"))])
def test_a_failure_of_a_pasted_script_leaves_the_terminal_open(terminal: Terminal, shell: str) -> None:
    (terminal.folder / "token").unlink()
    text = (terminal.folder / "account.sh").read_text()
    (terminal.folder / "account.sh").write_text(f"{text}\necho still here\n")
    assert "still here" in terminal.run(shell=shell).stdout


@pytest.mark.parametrize("place", Place)
def test_a_chinese_script_runs_too(terminal: Terminal, place: Place) -> None:
    with translation.override("zh-hans"):
        (terminal.folder / "account.sh").write_text(script(place, "istio-system", word))
    assert terminal.run().returncode == 0
    assert "--token-hours" in terminal.run("--help").stdout
