"""Of two states of an object only the difference is shown, however large the object is."""

from __future__ import annotations

from interconnect.planning.excerpt import MOST_LINES, excerpt

LINES = [f"line {number}" for number in range(MOST_LINES + 100)]


def of_text(before: str, after: str) -> list[list[str]]:
    return [text.splitlines() for text in excerpt({"data": {"text": before}}, {"data": {"text": after}})]


def test_a_difference_at_the_end_of_a_long_text_is_shown() -> None:
    last = len(LINES) - 5
    before, after = of_text("\n".join(LINES), "\n".join(LINES).replace(f"line {last}", "other"))
    assert f"    line {last}" in before and "    other" in after
    assert len(before) == len(after) == 2 + 7 + 2


def test_what_two_long_texts_share_is_marked_as_left_out() -> None:
    changed = [{100: "other", 300: "another"}.get(number, line) for number, line in enumerate(LINES)]
    before, after = of_text("\n".join(LINES), "\n".join(changed))
    assert [line.strip() for line in before].count("…") == [line.strip() for line in after].count("…") == 3
    assert "    line 300" in before and "    another" in after


def test_a_text_that_stays_is_left_out() -> None:
    assert excerpt({"a": "x\ny\n", "b": "1"}, {"a": "x\ny\n", "b": "2"}) == ("b: '1'\n".strip(), "b: '2'\n".strip())


def test_a_long_line_is_cut() -> None:
    assert len(excerpt({"a": "x" * 1_000_000}, None)[0]) < 200_000


def test_a_text_that_is_new_is_shown_from_its_beginning() -> None:
    before, after = of_text("", "a\nb\n")
    assert before == ["data:", "  text: ''"] and after == ["data:", "  text: |", "    a", "    b"]


def test_of_a_list_the_elements_that_differ_are_shown_by_their_places() -> None:
    before = {
        "spec": {
            "containers": [{"name": "proxy", "image": "a"}, {"name": "side", "env": [{"name": "X", "value": "1"}]}]
        }
    }
    after = {
        "spec": {
            "containers": [{"name": "proxy", "image": "a"}, {"name": "side", "env": [{"name": "X", "value": "2"}]}]
        }
    }
    shown = ["spec:", "  containers[1]:", "    env[0]:", "      name: X", "      value: '1'", "    name: side"]
    assert excerpt(before, after)[0].splitlines() == shown


def test_a_list_that_grows_is_shown_whole() -> None:
    before, after = excerpt({"ports": [{"name": "tls"}]}, {"ports": [{"name": "status"}, {"name": "tls"}]})
    assert (before, after) == ("ports:\n- name: tls", "ports:\n- name: status\n- name: tls")
