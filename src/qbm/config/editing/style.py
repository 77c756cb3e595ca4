"""How a config file is laid out: indentation, quotes, lists in brackets or with dashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from qbm.config.editing.meaning import plain_value
from qbm.config.editing.written import List, Map, Node, Text, target


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


def quote_of(neighbours: Iterable[Node]) -> str:
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
