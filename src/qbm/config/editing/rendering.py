"""New lines of a config file, in the style of those that are there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from qbm.config.editing.meaning import Json, meant_by
from qbm.config.editing.style import Style
from qbm.config.editing.written import MERGE

LONGEST_KEY = 1000
"""Characters; YAML reads no key of more than 1024 without a ? before it."""

_TAGGED = re.compile(r"(!ENV|!FILE) (\S.*)")
_SAFE = re.compile(r"(?![-?:,\[\]{}#&*!|>'\"%@`=\s]|\.\.\.)[^\r\n\t]*(?<![:\s])")
_RISKY = re.compile(r": | #|:$")
_RISKY_IN_FLOW = re.compile(r"[,\[\]{}:#]")
_NUMBER_LIKE = re.compile(r"[-+]?[0-9.][0-9_.,:eExobTZ+-]*")
"""Numbers, times and dates to some reader of YAML, if not to us."""


def scalar(value: Json, quote: str = "", *, in_flow: bool = False) -> str:
    """A value that is no collection, on one line; no value is the word null."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value, quote, in_flow=in_flow)
        case _:
            raise AssertionError("a collection is no scalar")


def _text(value: str, quote: str, *, in_flow: bool) -> str:
    if tagged := _TAGGED.fullmatch(value):
        return f"{tagged[1]} {_quoted(tagged[2], '', in_flow=in_flow)}"
    return _quoted(value, quote, in_flow=in_flow)


def _quoted(value: str, quote: str, *, in_flow: bool) -> str:
    if not value.isprintable() or quote == '"':
        return _in_double_quotes(value)
    if quote == "'" or not _is_safe(value, in_flow=in_flow):
        return "'" + value.replace("'", "''") + "'"
    return value


def _in_double_quotes(value: str) -> str:
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else _escape(each) for each in quoted)


def _escape(character: str) -> str:
    return f"\\U{ord(character):08X}"


def _is_safe(value: str, *, in_flow: bool) -> bool:
    """Whether plain text is read as that text, by us and by readers who guess more."""
    return (
        _SAFE.fullmatch(value) is not None
        and _RISKY.search(value) is None
        and not (in_flow and _RISKY_IN_FLOW.search(value))
        and _NUMBER_LIKE.fullmatch(value) is None
        and value != MERGE
        and meant_by(value) == value
    )


def key_text(key: str, quote: str = "", *, in_flow: bool = False) -> str:
    """A key; one that reads as something else than text is quoted, as others would guess."""
    return _quoted(key, quote, in_flow=in_flow)


def flow(value: Json, quote: str = "") -> str:
    """Any value on one line."""
    if isinstance(value, list):
        return "[" + ", ".join(flow(item, quote) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(flow_entry(*each, quote) for each in value.items()) + "}"
    return scalar(value, quote, in_flow=True)


def flow_entry(key: str, value: Json, quote: str = "") -> str:
    """An entry of a mapping in braces."""
    return f"{key_text(key, in_flow=True)}: {flow(value, quote)}"


def entry(key: str, value: Json, indent: int, style: Style) -> list[str]:
    """The lines of a mapping's entry, the first without its indentation."""
    name = key_text(key)
    if value is None:
        return [f"{name}:"]
    if stands_alone(value, style):
        return [f"{name}: {flow_or_scalar(value, style)}"]
    return [f"{name}:", *below_key(value, indent, style)]


def item(value: Json, indent: int, style: Style) -> list[str]:
    """The lines of a list's item, the first without its indentation."""
    if stands_alone(value, style):
        return [f"- {flow_or_scalar(value, style)}"]
    first, *others = block(value, indent + 2, style)
    return [f"- {first.lstrip(' ')}", *others]


def stands_alone(value: Json, style: Style) -> bool:
    """Whether a value stands on one line: a scalar, an empty collection, a list in brackets."""
    if isinstance(value, list) and style.has_flow_lists:
        return not any(isinstance(each, list | dict) for each in value)
    return not (isinstance(value, list | dict) and value)


def flow_or_scalar(value: Json, style: Style) -> str:
    """A value that stands alone."""
    if isinstance(value, list | dict):
        return flow(value, style.quote)
    return scalar(value, style.quote)


def below_key(value: Json, indent: int, style: Style) -> list[str]:
    """The lines of a collection under a key at ``indent``, with their indentation."""
    return block(value, indent + (style.dash if isinstance(value, list) else style.step), style)


def block(value: Json, indent: int, style: Style) -> list[str]:
    """The lines of a collection that is not empty, with their indentation."""
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, each in value.items():
            lines += _indented(entry(key, each, indent, style), indent)
    elif isinstance(value, list):
        for each in value:
            lines += _indented(item(each, indent, style), indent)
    return lines


def _indented(lines: list[str], indent: int) -> list[str]:
    return [" " * indent + lines[0], *lines[1:]]
