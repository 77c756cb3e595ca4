"""From a file's text to a tree of nodes that know their place.

The tree is made from the YAML parser's events. That keeps each scalar as it is written
(the schema says what it means, not YAML's guess), and bounds what aliases may expand to
and how deep the tree may be, before anything walks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from qbm.config.problem import Mark
from qbm.config.reading.mistakes import QUOTES, BrokenYamlError, explained

DEEPEST = 40
"""Levels of nesting; a real config has six."""
HEAVIEST = 4 * 2**20
"""Characters plus `NODE_WEIGHT` per node, with every alias counted as what it stands for."""
NODE_WEIGHT = 64

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BEYOND_UNICODE = re.compile(r"\\U(?!0010|000)[0-9a-fA-F]{8}")


class Scalar(Struct, frozen=True):
    """A word or text as written; ``is_plain`` if it stands without quotes and tag."""

    text: str
    tag: str
    is_plain: bool
    mark: Mark
    weight: int
    depth: int = 1

    @property
    def is_null(self) -> bool:
        """YAML 1.2's words for "no value"; in quotes they are text."""
        if self.tag == "tag:yaml.org,2002:null":
            return True
        return self.is_plain and self.text in ("", "~", "null", "Null", "NULL")


class Sequence(Struct, frozen=True):
    """A list."""

    items: tuple[Node, ...]
    tag: str
    mark: Mark
    weight: int
    depth: int


class Mapping(Struct, frozen=True):
    """Keys with values in file order, repeated and merge keys as they stand."""

    entries: tuple[tuple[Node, Node], ...]
    tag: str
    mark: Mark
    weight: int
    depth: int


Node: TypeAlias = Scalar | Sequence | Mapping


def compose(text: str) -> Node:
    """The tree of the one document in ``text``; an empty document is a null scalar.

    Raises BrokenYamlError at the first mistake in the syntax, or beyond a bound.
    """
    if unprintable := _UNPRINTABLE.search(text):
        reason = f"a control character (U+{ord(unprintable.group()):04X})"
        raise BrokenYamlError(_mark_at(text, unprintable.start()), reason, "text")
    if beyond := _BEYOND_UNICODE.search(text):
        raise BrokenYamlError(_mark_at(text, beyond.start()), "no Unicode character is that high")
    try:
        return _Composer(YAML(typ="safe", pure=True, plug_ins=[]).parse(text)).document()
    except MarkedYAMLError as error:
        raise explained(error, text.split("\n")) from None  # its text can quote a secret


class _Composer:
    """Makes nodes from events in one pass; an alias is the very node that it names."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = iter(events)
        self._anchors: dict[str, Node | None] = {}

    def document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, NodeEvent):
                root = self._node(event, 1)
            elif isinstance(event, DocumentStartEvent) and root is not None:
                raise BrokenYamlError(_mark(event), "a second document begins here", "one document")
        return root or Scalar("", "", is_plain=True, mark=Mark(1, 1), weight=0)

    def _node(self, event: Event, level: int) -> Node:
        _check_depth(level, event)
        match event:
            case AliasEvent():
                node = self._aliased(event)
                _check_depth(level + node.depth - 1, event)
                return node
            case ScalarEvent():
                return self._named(event, _scalar(event))
            case CollectionStartEvent():
                return self._named(event, self._collection(event, level))
            case _:
                raise AssertionError("YAML has no other nodes than these")

    def _collection(self, event: CollectionStartEvent, level: int) -> Sequence | Mapping:
        mark = _mark(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        nodes = tuple(self._children(level))
        weight = NODE_WEIGHT + sum(node.weight for node in nodes)
        depth = 1 + max((node.depth for node in nodes), default=0)
        if isinstance(event, SequenceStartEvent):
            return Sequence(nodes, event.tag or "", mark, weight, depth)
        entries = tuple(zip(nodes[::2], nodes[1::2], strict=True))
        return Mapping(entries, event.tag or "", mark, weight, depth)

    def _children(self, level: int) -> Iterator[Node]:
        weight = 0
        for event in self._events:
            if isinstance(event, CollectionEndEvent):
                return
            node = self._node(event, level + 1)
            weight += node.weight
            if weight > HEAVIEST:
                reason = "the file holds too much (each * counts as what it stands for)"
                raise BrokenYamlError(_mark(event), reason)
            yield node

    def _named(self, event: NodeEvent, node: Node) -> Node:
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _aliased(self, event: AliasEvent) -> Node:
        if event.anchor not in self._anchors:
            reason = "* stands for a value named elsewhere, and none has this name"
            raise BrokenYamlError(_mark(event), reason, QUOTES)
        node = self._anchors[event.anchor]
        if node is None:
            raise BrokenYamlError(_mark(event), "the value named by this * holds itself")
        return node


def _scalar(event: ScalarEvent) -> Scalar:
    tag = event.tag or ""
    if event.anchor and not event.value and not event.style and not tag:
        raise BrokenYamlError(_mark(event), "& names a value for later, and none follows", QUOTES)
    weight = NODE_WEIGHT + len(event.value)
    is_plain = not tag and not event.style
    return Scalar(event.value, tag, is_plain=is_plain, mark=_mark(event), weight=weight)


def _check_depth(level: int, event: Event) -> None:
    if level > DEEPEST:
        raise BrokenYamlError(_mark(event), "too deeply nested", f"at most {DEEPEST} levels")


def _mark(event: Event) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _mark_at(text: str, index: int) -> Mark:
    return Mark(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))
