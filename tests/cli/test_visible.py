"""What others wrote is printed with symbols for what would move a terminal's cursor, hide text or turn it around."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshconsole.text import is_visible

if TYPE_CHECKING:
    from tests.cli.support import Shell

REFUSED, CHANGES = 1, 2
LEAST = "version: 1\nmesh: {mesh}\nenabled: true\ngroups: {{}}\n"
ESCAPES = {
    "colour": r'"\e[31mred"',
    "link": r'"\e]8;;https://evil.example\e\\x"',
    "C1": r'"\x9b31m"',
    "bidi": r'"a\u202eb"',
    "zero width": r'"a\u200bb"',
    "line": r'"a\u2028b"',
}


@pytest.mark.parametrize("text", ESCAPES.values(), ids=ESCAPES.keys())
def test_errors_of_a_file_print_no_control_characters(shell: Shell, text: str) -> None:
    for content in (
        LEAST.format(mesh=text),
        LEAST.format(mesh="prod") + f"{text}: 1\n",
        LEAST.format(mesh="prod") + f"restart: {text}\n",
        LEAST.format(mesh="prod").replace("{}", f"{{{text}: {{clusters: [a]}}}}"),
        LEAST.format(mesh="prod").replace("true", text),
    ):
        said = shell("plan", shell.text(content), ends=REFUSED)
        assert is_visible(said.out + said.err)


def test_names_on_the_command_line_are_printed_with_symbols(shell: Shell) -> None:
    for arguments in (
        ("status", "\x1b[31mred"),
        ("plan", "\x1b]8;;x\x1b\\.yaml"),
        ("follow", "a\u202eb"),
        ("export", "\u2028"),
    ):
        said = shell(*arguments, ends=REFUSED)
        assert said.err and is_visible(said.out + said.err)


@pytest.mark.parametrize("value", ["a\u202eb", "a\u200bb", "a\u2028b"])
def test_a_plan_prints_symbols_and_an_export_can_be_read_back(shell: Shell, value: str) -> None:
    gateways = {"member-b/1": {"annotations": {"example.org/note": value}}}
    groups = {"blue": {"clusters": ["member-a"]}, "green": {"clusters": ["member-b"], "gateways": gateways}}
    path = shell.file(groups=groups)
    planned = shell("plan", path, ends=CHANGES)
    assert is_visible(planned.out + planned.err)
    shell("apply", path, ends=0)
    exported = shell("export", "prod", ends=0).out
    assert is_visible(exported)
    assert shell("plan", "-", stdin=exported, ends=0)
