"""What is to be said of a credential is said on the command line too, before anything is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from interconnect.models import Cluster, Mesh
from tests.support.tokens import remote_secret

if TYPE_CHECKING:
    from tests.cli.support import Shell

REFUSED, CHANGES = 1, 2


def test_istiods_own_account_is_named_by_plan_and_apply(shell: Shell) -> None:
    path = shell.folder / "member-a.kubeconfig"
    path.write_text(remote_secret(path.read_text(), "member-x"))
    file = shell.file(groups={}, enabled=False)
    notes = json.loads(shell("plan", file, "--json", ends=CHANGES).out)["notes"]
    said = [(note["cluster"], note["code"]) for note in notes]
    assert said == [
        ("member-a", code) for code in ("credential.istiods", "credential.reads-secrets", "cluster.name.secret")
    ]
    for command in ("plan", "apply"):
        out = shell(command, file).out
        assert "member-a: This is istiod's own account" in out and "can read all Secrets" in out
    assert Cluster.objects.filter(name="member-a").exists()


def test_two_credentials_of_one_cluster_are_refused(shell: Shell) -> None:
    hub = (shell.folder / "hub.kubeconfig").read_text()
    (shell.folder / "config.kubeconfig").write_text(hub.replace("simulator-admin-token", "another-admin-token"))
    plane = {**shell.content["control_plane"], "config_kubeconfig": "config.kubeconfig"}
    assert "the same cluster" in shell("plan", shell.file(control_plane=plane), ends=REFUSED).err
    assert not Mesh.objects.exists()
