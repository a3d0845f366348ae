"""Tables of measurements, as text."""

from __future__ import annotations


class Table:
    """Rows of text under a title; with `put`, cells by the first column's value and a column's name."""

    def __init__(self, title: str, columns: tuple[str, ...]) -> None:
        self.title, self.columns = title, columns
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
        lines = [list(self.columns), *self.rows]
        widths = [max(len(line[index]) for line in lines) for index in range(len(self.columns))]
        print(f"\n{self.title}")
        for line in lines:
            print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)), flush=True)
