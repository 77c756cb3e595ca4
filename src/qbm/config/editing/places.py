"""Where the entries and items of a collection stand, and the place of a value in one."""

from __future__ import annotations

import re

from msgspec import Struct

from qbm.config.editing.cuts import CannotCutError
from qbm.config.editing.lines import Lines
from qbm.config.editing.parsing import beyond_whitespace
from qbm.config.editing.written import List, Map, Text

_BEFORE_KEY = re.compile(r" *(- +)*")


class Part(Struct, frozen=True):
    """An entry or item: from its key or dash to where its value ends.

    ``after`` is where its colon or dash ends.
    """

    start: int
    after: int
    end: int


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
        colon = _beyond_colon(lines, key, node)
        parts.append(Part(key.start, colon, max(value.end, colon)))
    return parts


def _beyond_colon(lines: Lines, key: Text, node: Map) -> int:
    """Where the key's colon ends; keys in braces may have none."""
    at = beyond_whitespace(lines.text, key.end)
    if lines.text.startswith(":", at):
        start = lines.start(key.start)
        if not node.is_flow and not _BEFORE_KEY.fullmatch(lines.text, start, key.start):
            raise CannotCutError
        return at + 1
    if node.is_flow:
        return key.end
    raise CannotCutError


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
