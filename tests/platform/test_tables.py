from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest

from meshconsole.tables import csv_answer


def cells(*values: object) -> list[str]:
    answer = csv_answer("some", ["head"], [values])
    return list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))[1]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "＝", "＠", " ="])
def test_a_cell_is_never_a_formula(sign: str) -> None:
    assert cells(f"{sign}HYPERLINK(1)") == [f"'{sign}HYPERLINK(1)"]


def test_a_line_break_in_a_cell_is_quoted() -> None:
    answer = csv_answer("some", ["head"], [["one\n=two"], ["\n=three"]])
    assert answer.content.decode("utf-8-sig") == 'head\r\n"one\n=two"\r\n"\'\n=three"\r\n'


def test_texts_numbers_times_and_nothing_are_written_plainly() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert cells("a, “b”", 14, at, None, "1.33 to 1.35") == [
        "a, “b”",
        "14",
        "2026-03-01T12:00:00+00:00",
        "",
        "1.33 to 1.35",
    ]


def test_a_file_is_downloaded_and_not_kept() -> None:
    answer = csv_answer("meshes", ["网格"], [])
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="meshes.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content.startswith(b"\xef\xbb\xbf")
