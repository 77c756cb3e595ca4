"""Where the entries and items of a collection stand, and the place of a value in one."""

from __future__ import annotations

import re

from msgspec import Struct

from qbm.config.editing.cuts import CannotCutError
from qbm.config.editing.lines import Lines
from qbm.config.editing.parsing import beyond_whitespace
from qbm.config.editing.written import List, Map, Text

_BEFORE_KEY = re.compile(r" *(?:- +)*(\? +)?")
"""Dashes of the items that the key is the first of, and the ``?`` of a key in its own line."""


class Part(Struct, frozen=True):
    """An entry or item: from its key or dash to where its value ends.

    ``after`` is where its colon or dash ends, or its key if it has none.
    """

    start: int
    after: int
    end: int
    has_colon: bool = False


class Slot(Struct, frozen=True):
    """Where a value stands: ``after`` the colon of its key, or its dash, at column ``indent``."""

    indent: int
    after: int
    depth: int
    in_flow: bool = False
    is_item: bool = False


def parts_of_map(lines: Lines, node: Map) -> list[Part]:
    """The entries, merge keys among them; raises CannotCutError if one is not plainly there."""
    parts: list[Part] = []
    for key, value in node.entries:
        colon = beyond_whitespace(lines.text, key.end)
        has_colon = lines.text.startswith(":", colon)
        after = colon + 1 if has_colon else key.end
        parts.append(Part(_start(lines, key, node), after, max(value.end, after), has_colon))
    return parts


def _start(lines: Lines, key: Text, node: Map) -> int:
    """Where the entry of a key begins: the key, or the ``?`` before it."""
    if node.is_flow:
        return key.start
    before = _BEFORE_KEY.fullmatch(lines.text, lines.start(key.start), key.start)
    if before is None:
        raise CannotCutError
    return before.start(1) if before[1] else key.start


def parts_of_list(lines: Lines, node: List) -> list[Part]:
    """The items; raises CannotCutError if one has no dash of its own."""
    if node.is_flow:
        return [Part(item.start, item.start + 1, item.end) for item in node.items]
    parts: list[Part] = []
    at = node.content
    for item in node.items:
        dash = beyond_whitespace(lines.text, at)
        if not lines.text.startswith("-", dash):
            raise CannotCutError
        at = max(item.end, dash + 1)
        parts.append(Part(dash, dash + 1, at))
    return parts
