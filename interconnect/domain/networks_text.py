"""The YAML of meshNetworks, resolved as Go resolves it: a plain `1e3` or `no` means to istiod what it means here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json

CODES = ("networks.unreadable",)

MAX_TEXT = 1 << 20  # a ConfigMap holds no more
MAX_DEPTH = 64

_BOOL_WORDS = ("y", "n", "yes", "no", "true", "false", "on", "off")
_FALSE = frozenset({"n", "no", "false", "off"})
_INT = re.compile(r"^[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_NOT_BARE = frozenset({*_BOOL_WORDS, "null", "inf", "infinity", "nan"})


# libyaml where the wheel has it: a large mesh's text is parsed several times per decision.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _GoLoader(_Base):  # type: ignore[misc]
    """Plain scalars by the rules of Go's YAML instead of Python's (no dates, no sexagesimals, floats without a dot)."""

    # Dates, merge keys and base-60 numbers are Python's resolvers, not Go's.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


class _QuotingDumper(yaml.SafeDumper):
    """Quotes every string that some YAML reader could take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _construct_bool(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    return str(loader.construct_scalar(node)).lower() not in _FALSE


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.lstrip("+"))
    is_octal = len(digits) > 1 and digits[0] == "0" and digits.isdecimal()
    return sign * (int(digits, 8) if is_octal else int(digits, 0))


def _construct_float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(str(loader.construct_scalar(node)))


def _represent_str(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    bare = _BARE.fullmatch(value) and value.lower() not in _NOT_BARE
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if bare else '"')


def _pattern_of_words(*words: str) -> re.Pattern[str]:
    return re.compile("^(" + "|".join(f"{word}|{word.capitalize()}|{word.upper()}" for word in words) + ")$")


_GoLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_GoLoader.add_implicit_resolver("tag:yaml.org,2002:bool", _pattern_of_words(*_BOOL_WORDS), list("yYnNtTfFoO"))
_GoLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
_GoLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
_GoLoader.add_constructor("tag:yaml.org,2002:bool", _construct_bool)
_GoLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_GoLoader.add_constructor("tag:yaml.org,2002:float", _construct_float)
_QuotingDumper.add_representer(str, _represent_str)


def parse(text: str | None) -> Json | Violation:
    """Return the document as plain JSON values with text keys; `{}` for an absent or empty text.

    Aliases and merge keys are refused: expanding them can take forever, and rewriting them would lose them.
    """
    if text is None or not text.strip():
        return {}
    if len(text) > MAX_TEXT:
        return _unreadable("longer than a ConfigMap can be")
    reason = _scan(text)
    if reason:
        return _unreadable(reason)
    try:
        document = yaml.load(text, Loader=_GoLoader)  # noqa: S506 - a SafeLoader with other scalars
        plain = _plain(document)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        return _unreadable(_reason_of(error))
    if plain is None:
        return {}
    return plain if isinstance(plain, dict) else _unreadable("not a mapping")


def dump(document: Json) -> str:
    """Return YAML text in block style, in the order of the document."""
    text: str = yaml.dump(
        document, Dumper=_QuotingDumper, sort_keys=False, allow_unicode=True, width=4096, default_flow_style=False
    )
    return text


def _scan(text: str) -> str:
    depth = 0
    try:
        for token in yaml.scan(text, Loader=_GoLoader):
            if isinstance(token, (yaml.AliasToken, yaml.AnchorToken)):
                return "uses YAML anchors or aliases"
            if isinstance(token, yaml.ScalarToken) and token.plain and token.value == "<<":
                return "uses YAML merge keys"
            depth += isinstance(token, (yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken))
            depth += isinstance(token, (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken))
            depth -= isinstance(token, (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken))
            if depth > MAX_DEPTH:
                return "nested too deeply"
    except yaml.YAMLError as error:
        return _reason_of(error)
    return ""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError("holds a value that JSON does not know")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, float):
        return format(key, ".17g") if key != int(key) else str(int(key))
    if isinstance(key, (str, int)):
        return str(key)
    raise ValueError("a key that is no text")


def _reason_of(error: Exception) -> str:
    # A parser's message quotes the text around the mistake; the place is enough.
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not YAML"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark is not None else str(problem)


def _unreadable(reason: str) -> Violation:
    return Violation("networks.unreadable", {"reason": reason})
