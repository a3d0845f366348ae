"""What a file may say, and where it is told that it may not."""

from __future__ import annotations

import pytest

from interconnect.domain.topology import Autoscaling, GatewayKey, GatewaySpec, MeshKind, RestartPolicy
from interconnect.files.document import CODES, Document, FileAddress, FileCluster, FileControlPlane, parse
from interconnect.files.errors import ERROR_LIMIT
from interconnect.files.tree import NODE_LIMIT, SIZE_LIMIT
from tests.files.documents import BAD, GOOD, GROUP, HEAD, WHOLE


def errors_of(text: str | bytes) -> list[str]:
    read = parse(text)
    assert isinstance(read, list), read
    return [f"{error.code} {error.line}:{error.column}" for error in read]


def document(text: str) -> Document:
    read = parse(text)
    assert isinstance(read, Document), read
    return read


@pytest.mark.parametrize("name", GOOD)
def test_a_good_document_is_read(name: str) -> None:
    document(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_document_is_refused_at_the_place_of_its_error(name: str) -> None:
    assert errors_of(BAD[name].text) == list(BAD[name].errors)


def test_everything_that_a_file_can_say_is_read() -> None:
    read = document(WHOLE)
    assert (read.mesh, read.revision, read.restart, read.enabled) == ("prod", 41, RestartPolicy.ALWAYS, True)
    assert read.control_plane == FileControlPlane(MeshKind.HOSTED, "hub.yaml", "", "config.yaml", "", "istio-system")
    assert read.clusters == {
        "member-a": FileCluster("a.yaml", "", "0b9c6f1e-0000-4000-8000-000000000001", ("10.10.0.0/16",)),
        "member-b": FileCluster(),
    }
    green = read.groups["green"]
    first, second = GatewayKey("member-b", 1), GatewayKey("member-b", 2)
    assert green.clusters == {"member-b"}
    assert green.gateways == {
        first: GatewaySpec(replicas=2, annotations=(("example.org/kind", "internal"),), load_balancer_ip="203.0.113.7"),
        second: GatewaySpec(autoscaling=Autoscaling(2, 5)),
    }
    assert green.joined == (FileAddress(gateway=first), FileAddress(address="gw.example.org"))
    assert read.groups["blue"].joined is None


def test_what_a_file_leaves_out_is_not_said() -> None:
    read = document(GOOD["the least document"])
    assert (read.revision, read.control_plane, read.restart, dict(read.clusters)) == (None, None, None, {})


def test_bytes_are_read_as_utf_8() -> None:
    assert isinstance(parse(WHOLE.encode()), Document)
    assert errors_of(b"mesh: prod\nenabled: \xff\n") == ["file.not-utf8 2:10"]


def test_a_file_over_a_mebibyte_is_refused_unread() -> None:
    assert errors_of("#" * (SIZE_LIMIT + 1)) == ["file.too-large 1:1"]
    assert isinstance(parse(f"{GOOD['the least document']}#".ljust(SIZE_LIMIT, "-")), Document)


def test_a_bomb_of_aliases_is_refused_before_it_unfolds() -> None:
    lines = [
        "a0: &a0 [x, x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)),
    ]
    assert {error.partition(" ")[0] for error in errors_of("\n".join(lines))} >= {"file.alias"}


def test_a_tower_of_brackets_is_refused_at_the_limit() -> None:
    assert errors_of("[" * 500) == ["file.too-deep 1:17"]
    assert len(errors_of("[" * (SIZE_LIMIT - 10))) == 1


def test_hundreds_of_errors_are_cut_and_said_to_be_more() -> None:
    read = parse(HEAD + "groups: {}\n" + "".join(f"key{n}: 1\n" for n in range(ERROR_LIMIT + 50)))
    assert isinstance(read, list)
    assert len(read) == ERROR_LIMIT + 1
    assert read[-1].code == "file.too-many-errors"


def test_a_file_with_too_many_values_is_refused_before_it_is_looked_at() -> None:
    assert errors_of(f"mesh: [{'x,' * NODE_LIMIT}]") == ["file.too-many-values 1:200002"]


def test_a_misspelt_key_is_told_the_near_one() -> None:
    read = parse(f"{GROUP}    gateway: {{}}\n")
    assert isinstance(read, list)
    assert read[0].params["near"] == "gateways"


def test_a_long_value_is_not_repeated_in_full() -> None:
    read = parse(f"{HEAD}groups: {{}}\nrestart: {'x' * 5000}\n")
    assert isinstance(read, list)
    assert len(str(read[0].params)) < 300


def test_a_long_tag_key_or_anchor_is_not_repeated_in_full() -> None:
    long = "x" * 5000
    for text in (f"mesh: !{long} a\n", f"mesh: &{long} a\n", f"mesh: *{long}\n", f"? {long}\n: 1\n? {long}\n: 2\n"):
        read = parse(text)
        assert isinstance(read, list)
        assert all(len(str(error.params)) < 400 for error in read)


def test_an_inline_kubeconfig_is_not_repeated() -> None:
    read = parse(f"{HEAD}groups: {{}}\nclusters:\n  a:\n    kubeconfig: |\n      token: canary-token\n")
    assert "canary" not in repr(read)


def test_every_code_of_the_table_is_registered() -> None:
    used = {error.partition(" ")[0] for bad in BAD.values() for error in bad.errors}
    assert {code for code in used if code.startswith("file.")} <= set(CODES)
    assert len(set(CODES)) == len(CODES)


def test_a_later_error_finds_its_place() -> None:
    error = document(WHOLE).error("file.cluster-unknown", "groups", "green", "clusters", "member-b", cluster="member-b")
    assert (error.line, error.column) == (17, 16)
