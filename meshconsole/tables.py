"""Tables to download as CSV, which a spreadsheet shows and never runs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from io import StringIO

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from meshconsole.text import visible

# What makes a spreadsheet take a cell for a formula; in East Asian ones also the full-width signs.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Without the mark, Excel takes UTF-8 for the system's own alphabet.
ENCODING = "utf-8-sig"


def csv_answer(name: str, heads: Iterable[object], rows: Iterable[Iterable[object]]) -> HttpResponse:
    """Return a file `NAME.csv`, in UTF-8 with a byte order mark. Times are written in ISO 8601, None as an empty cell.

    Much of what is in a table comes from clusters: a cell that a spreadsheet would take for a formula begins with an
    apostrophe instead.
    """
    text = StringIO()
    writer = csv.writer(text)
    writer.writerows([_cell(each) for each in row] for row in (heads, *rows))
    answer = HttpResponse(text.getvalue().encode(ENCODING), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.csv") or ""
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else visible(str(value), lines=True)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULAS) else text
