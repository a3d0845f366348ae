"""Every error of a file is worded, and asks for no parameter that it is not given."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from interconnect.files.document import CODES, parse
from interconnect.wording import MESSAGES, word
from tests.files.documents import BAD


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
