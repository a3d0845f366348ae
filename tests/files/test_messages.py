"""Every error of a file is worded, and asks for no parameter that it is not given."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from interconnect.files import alphabets
from interconnect.files.document import CODES, parse
from interconnect.files.reader import Text
from interconnect.files.tree import scalar_kind
from interconnect.wording import MESSAGES, word
from interconnect.wording.values import FILE_KINDS
from tests.files.documents import BAD

SCALARS = ("a", "true", "y", "1", "1.5", "1e3", "~", "2024-01-01", "<<", "=")
KINDS = {
    *map(scalar_kind, SCALARS),
    *("list", "mapping", "integer"),
    *(text.name for text in vars(alphabets).values() if isinstance(text, Text)),
}


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_a_file_has_a_message(code: str) -> None:
    assert code in MESSAGES


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_error_is_worded_in_full(name: str, language: str) -> None:
    errors = parse(BAD[name].text)
    assert isinstance(errors, list)
    with translation.override(language):
        for error in errors:
            wanted = set(re.findall(r"%\((\w+)\)s", str(MESSAGES[error.code])))
            assert wanted <= set(error.params), error
            assert "%(" not in word(error.code, error.params)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_words_in_both_languages(kind: str) -> None:
    params = {"expected": kind, "found": kind}
    english, chinese = (_worded(params, language) for language in ("en", "zh-hans"))
    assert f" {FILE_KINDS[kind]}, " in english
    assert kind in ("CIDR", "UID") or kind not in chinese
    assert word("cluster.name.injection", {"name": "a", "found": kind}) == (
        str(MESSAGES["cluster.name.injection"]) % {"name": "a", "found": kind}
    )


def _worded(params: dict[str, str], language: str) -> str:
    with translation.override(language):
        return word("file.wrong-type", params)
