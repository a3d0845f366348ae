"""Credentials whose key is missing or another one: a sentence per cluster, whatever is asked for, and never a
traceback.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from interconnect.models import Connection, Inquiry
from interconnect.services.answering import answer
from interconnect.services.inquiries import inquiry_of
from interconnect.services.registration import CLUSTER_REGISTER
from meshconsole.vault import seal
from tests.support.worlds import forget_clients

if TYPE_CHECKING:
    from tests.cli.support import Shell

SENTENCE = (
    "The stored credential for {server} can't be opened: the key that encrypted it isn't in "
    "MESHCONSOLE_CREDENTIAL_KEYS."
)


@pytest.fixture
def without_key(at_work: Shell, settings: Any) -> Shell:
    """Everything was sealed under a key that is not there any more."""
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    forget_clients()
    return at_work


def sentence(cluster: str) -> str:
    return SENTENCE.format(server=Connection.objects.get(cluster__name=cluster).server)


def test_every_command_names_each_cluster_whose_key_is_gone(without_key: Shell) -> None:
    joining = {**without_key.content["groups"]["red"], "joined": [{"gateway": "member-c/1"}]}
    stored = {"control_plane": None, "clusters": {name: {} for name in ("member-a", "member-b", "member-c")}}
    file = without_key.file(groups={**without_key.content["groups"], "red": joining}, **stored)
    members = [sentence(name) for name in ("member-a", "member-b", "member-c")]
    for arguments, code, named in (
        (("plan", file), 2, members),
        (("check", "prod"), 1, members),
        (("restart-workloads", "prod"), 1, members),
        (("apply", file), 3, ["can't be opened"]),
        (("retry", "prod"), 3, ["can't be opened"]),
        (("status", "prod"), 5, members),
        (("export", "prod"), 0, []),
    ):
        outcome = without_key(*arguments, ends=code)
        for each in named:
            assert each in outcome.out + outcome.err, arguments


def test_a_damaged_credential_of_one_cluster_is_named_alone(at_work: Shell) -> None:
    row = Connection.objects.get(cluster__name="member-b")
    Connection.objects.filter(pk=row.pk).update(
        sealed=seal(b"of another row", binding="connection:another"), fingerprint="new"
    )
    said = at_work("check", "prod", ends=1)
    assert sentence("member-b") in said.out
    assert sentence("member-a") not in said.out


def test_a_rotation_names_the_cluster_that_it_cannot_open(without_key: Shell) -> None:
    errors = StringIO()
    with pytest.raises(CommandError, match="Keep the older keys"):
        call_command("rotate_credentials", stdout=StringIO(), stderr=errors)
    for row in Connection.objects.all():
        assert f"{row.server}: sealed can't be opened (unreadable)" in errors.getvalue()


def test_a_check_whose_key_is_gone_is_not_kept(db: None, vera: Any, caplog: pytest.LogCaptureFixture) -> None:
    inquiry = Inquiry(
        user=vera, kind=CLUSTER_REGISTER.name, params={"name": "member-a", "system_namespace": "istio-system"}
    )
    inquiry.sealed = seal(b"{}", binding="inquiry:another")
    inquiry.save()
    assert inquiry_of(inquiry_id=inquiry.id, user_id=vera.pk) is None
    answer(inquiry.id)
    inquiry.refresh_from_db()
    assert [error["code"] for error in inquiry.errors] == ["inquiry.unreadable"]
    assert "Traceback" not in caplog.text
