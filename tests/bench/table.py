"""Tables of measurements: printed as text, and kept as JSON beside the other reports of the run."""

from __future__ import annotations

import json

from tests.support.suite import FOLDER

FILE = "bench.json"


class Table:
    """Rows of text under a title; with `put`, cells by the first column's value and a column's name. `name` is its key
    in `bench.json`.
    """

    def __init__(self, name: str, title: str, columns: tuple[str, ...]) -> None:
        self.name, self.title, self.columns = name, title, columns
        self.rows: list[list[str]] = []

    def add(self, *cells: str) -> None:
        self.rows.append(list(cells))

    def put(self, row: str, column: str, cell: str) -> None:
        found = next((cells for cells in self.rows if cells[0] == row), None)
        if found is None:
            found = [row, *[""] * (len(self.columns) - 1)]
            self.rows.append(found)
        found[self.columns.index(column)] = cell

    def print(self) -> None:
        """Print the table, and put it into `bench.json`: its title, and for each row the cells by column."""
        self._keep()
        lines = [list(self.columns), *self.rows]
        widths = [max(len(line[index]) for line in lines) for index in range(len(self.columns))]
        print(f"\n{self.title}")
        for line in lines:
            print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)), flush=True)

    def _keep(self) -> None:
        rows = [dict(zip(self.columns, map(_value, row), strict=True)) for row in self.rows]
        file = FOLDER / FILE
        FOLDER.mkdir(parents=True, exist_ok=True)
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        file.write_text(
            json.dumps(known | {self.name: {"title": self.title, "rows": rows}}, indent=1) + "\n", encoding="utf-8"
        )


def _value(cell: str) -> str | float | int:
    """Numbers as numbers."""
    for read in (int, float):
        try:
            return read(cell)
        except ValueError:
            continue
    return cell
