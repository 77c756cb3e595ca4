"""New lines of a config file, in the style of those that are there."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct

from qbm.config.editing.written import (
    MERGE,
    Json,
    List,
    Map,
    Node,
    Text,
    meant_by,
    plain_value,
    target,
)

LONGEST_KEY = 1000
"""Characters; YAML reads no key of more than 1024 without a ? before it."""

_TAGGED = re.compile(r"(!ENV|!FILE) (\S.*)")
_SAFE = re.compile(r"(?![-?:,\[\]{}#&*!|>'\"%@`=\s]|\.\.\.)[^\r\n\t]*(?<![:\s])")
_RISKY = re.compile(r": | #|:$")
_RISKY_IN_FLOW = re.compile(r"[,\[\]{}:#]")
_NUMBER_LIKE = re.compile(r"[-+]?[0-9.][0-9_.,:eExobTZ+-]*")
"""Numbers, times and dates to some reader of YAML, if not to us."""


class Style(Struct, frozen=True):
    """How a file is laid out.

    ``step`` is how far nested keys are indented, ``dash`` how far the dashes of a list under a
    key. ``quote`` stands around text, "" where none is needed; ``has_flow_lists`` if lists
    stand in brackets.
    """

    newline: str = "\n"
    step: int = 2
    dash: int = 2
    quote: str = ""
    has_flow_lists: bool = False


def style_of(text: str, root: Node) -> Style:
    """What most of a file has."""
    usual = Style()
    seen = _Seen()
    seen.look(text, root)
    return Style(
        newline="\r\n" if "\r\n" in text else "\n",
        step=_most(seen.steps, usual.step),
        dash=_most(seen.dashes, usual.dash),
        has_flow_lists=seen.flow_lists > seen.block_lists,
    )


class _Seen:
    """Counts of what a file has."""

    def __init__(self) -> None:
        self.steps: Counter[int] = Counter()
        self.dashes: Counter[int] = Counter()
        self.flow_lists = 0
        self.block_lists = 0

    def look(self, text: str, node: Node) -> None:
        """Count in a node and below."""
        match node:
            case Map(entries=entries):
                for key, value in entries:
                    if not node.is_flow:
                        self._below(text, column(text, key.start), value)
                    self.look(text, value)
            case List(items=items):
                if items:
                    self.flow_lists += node.is_flow
                    self.block_lists += not node.is_flow
                for item in items:
                    self.look(text, item)
            case _:
                pass

    def _below(self, text: str, indent: int, value: Node) -> None:
        match value:
            case Map(is_flow=False, entries=entries):
                self.steps[column(text, entries[0][0].start) - indent] += 1
            case List(is_flow=False, content=content):
                self.dashes[column(text, content) - indent] += 1
            case _:
                pass


def _most(counts: Counter[int], usual: int) -> int:
    return max(counts, key=lambda each: counts[each]) if counts else usual


def quote_of(neighbours: Iterator[Node] | list[Node]) -> str:
    """The quote that stands around the last text among the neighbours, or ""."""
    quote = ""
    for node in neighbours:
        match target(node):
            case Text(style=style, value=value, tag="") if plain_value(value) == value:
                quote = style if style in ("'", '"') else ""
            case _:
                pass
    return quote


def column(text: str, at: int) -> int:
    """How far a place is from the beginning of its line."""
    return at - (text.rfind("\n", 0, at) + 1)


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
