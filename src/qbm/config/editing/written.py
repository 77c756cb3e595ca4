"""A config file as it is written: its nodes, and from where to where each stands in the text.

``reading`` says what a file means to a run. Here it is what people wrote, for those who show
and edit it: an alias stays one, and so do quotes, tags and merge keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct

MERGE = "<<"
YAML_TAG = "tag:yaml.org,2002:"
NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Text(Struct, frozen=True):
    """A scalar. ``style`` is its quote, ``|`` or ``>``, or "" if it is plain.

    ``start`` to ``end`` is all of it, ``content`` is where it begins after its anchor and tag.
    """

    value: str
    style: str
    tag: str
    anchor: str
    start: int
    content: int
    end: int

    @property
    def is_null(self) -> bool:
        """It stands for "no value"."""
        return self.tag == f"{YAML_TAG}null" or (
            not self.tag and not self.style and self.value in NULLS
        )


class List(Struct, frozen=True):
    """A sequence, in brackets if ``is_flow``."""

    items: tuple[Node, ...]
    is_flow: bool
    tag: str
    anchor: str
    start: int
    content: int
    end: int


class Map(Struct, frozen=True):
    """A mapping, in braces if ``is_flow``; its entries as they stand, merge keys among them."""

    entries: tuple[tuple[Text, Node], ...]
    is_flow: bool
    tag: str
    anchor: str
    start: int
    content: int
    end: int


class Alias(Struct, frozen=True):
    """A ``*name`` and the node that it stands for."""

    name: str
    target: Target
    start: int
    end: int

    @property
    def content(self) -> int:
        """An alias has neither anchor nor tag before it."""
        return self.start


Target: TypeAlias = Text | List | Map
Node: TypeAlias = Text | List | Map | Alias


def target(node: Node) -> Target:
    """What a node is, or stands for."""
    return node.target if isinstance(node, Alias) else node


def is_merge(key: Text, value: Node) -> bool:
    """Whether an entry takes in the keys of other mappings."""
    return key.value == MERGE and not key.style and not key.tag and _merged(value) is not None


def entries_of(node: Map) -> dict[str, Node]:
    """Each key once with its value, the first wins: a mapping's own, then those taken in."""
    found: dict[str, Node] = {}
    merged: list[Map] = []
    for key, value in node.entries:
        if is_merge(key, value):
            merged += _merged(value) or ()
        else:
            found.setdefault(key.value, value)
    for each in merged:
        for name, value in entries_of(each).items():
            found.setdefault(name, value)
    return found


def _merged(value: Node) -> list[Map] | None:
    """The mappings that a merge key names; None if it names anything else."""
    node = target(value)
    targets = [target(item) for item in node.items] if isinstance(node, List) else [node]
    maps = [each for each in targets if isinstance(each, Map)]
    return maps if len(maps) == len(targets) else None


def anchors_in(node: Node) -> Iterator[str]:
    """The names that are given in a node, not those that are used."""
    if isinstance(node, Alias):
        return
    if node.anchor:
        yield node.anchor
    for child in _children_of(node):
        yield from anchors_in(child)


def aliases_in(node: Node) -> Iterator[str]:
    """The names that are used in a node, merge keys included."""
    if isinstance(node, Alias):
        yield node.name
        return
    for child in _children_of(node):
        yield from aliases_in(child)


def _children_of(node: Target) -> Iterable[Node]:
    match node:
        case Text():
            return ()
        case List(items=items):
            return items
        case Map(entries=entries):
            return (each for entry in entries for each in entry)
