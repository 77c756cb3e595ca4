"""A config file as it is written: its values, and from where to where each stands in the text.

``document`` and ``values`` say what a file means to a run. Here it is what people wrote, for
those who show and edit it: numbers and yes or no are told apart from text, an alias stays one,
and ``!ENV X`` is the text "!ENV X".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from qbm.config.reading.document import compose
from qbm.config.reading.mistakes import BrokenYamlError
from qbm.config.refusals import NotReadable

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What JSON can say."""

MERGE = "<<"
SPECIAL = frozenset({"!ENV", "!FILE"})
"""Tags of values that stand elsewhere."""

_YAML = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", f"{_YAML}str"})
_GUESSED_TAGS = frozenset({"", *(_YAML + each for each in ("int", "float", "bool"))})
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,15})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLS = {
    spelling: value
    for value, words in ((True, ("true", "yes", "on")), (False, ("false", "no", "off")))
    for word in words
    for spelling in (word, word.title(), word.upper())
}
"""What the schema takes for yes or no, in the spellings that YAML 1.1 has for it."""
_BEYOND_WHITESPACE = re.compile(r"(?:\s|(?:(?<=\s)|^)#[^\r\n]*)*")
_PROPERTY = re.compile(r"!<[^>]*>|[&!][^\s,\[\]{}]*")
_BLOCK = ("|", ">")


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
        return self.tag == f"{_YAML}null" or (
            not self.tag and not self.style and self.value in _NULLS
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


def read(text: str) -> Node:
    """The one document of a text without byte order mark; raises NotReadable."""
    try:
        compose(text)
    except BrokenYamlError as error:
        place = f"line {error.mark.line}, column {error.mark.column}"
        allowed = f" (allowed: {error.allowed})" if error.allowed else ""
        raise NotReadable(f"{place}: {error}{allowed}") from None
    root = _Reader(text).document()
    return Text("", "", "", "", len(text), len(text), len(text)) if root is None else root


class _Reader:
    """Makes nodes from the parser's events; ``compose`` has seen to it that they are sane."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._events: Iterator[Event] = iter(YAML(typ="safe", pure=True, plug_ins=[]).parse(text))
        self._anchors: dict[str, Target] = {}
        self._done = 0

    def document(self) -> Node | None:
        root = None
        for event in self._events:
            if isinstance(event, NodeEvent):
                root = self._node(event)
        return root

    def _node(self, event: Event) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, AliasEvent):
            self._done = end
            return Alias(event.anchor, self._anchors[event.anchor], start, end)
        node = self._target(event, start, end)
        self._done = node.end
        if node.anchor:
            self._anchors[node.anchor] = node
        return node

    def _target(self, event: Event, start: int, end: int) -> Target:
        match event:
            case ScalarEvent():
                return self._scalar(event, start, end)
            case CollectionStartEvent():
                return self._collection(event, start)
            case _:
                raise AssertionError("YAML has no other nodes than these")

    def _scalar(self, event: ScalarEvent, start: int, end: int) -> Text:
        style = event.style or ""
        if not (style or event.value or event.tag or event.anchor):
            start = end = self._place_of_nothing()
        elif style in _BLOCK:
            end = self._end_of_block(event, start, end)
        tag, anchor = event.tag or "", event.anchor or ""
        content = min(self._beyond_properties(start), end) if tag or anchor else start
        return Text(event.value, style, tag, anchor, start, content, end)

    def _place_of_nothing(self) -> int:
        """Right after the colon or dash before it; the parser says where the next thing begins."""
        at = beyond_whitespace(self._text, self._done)
        return at + 1 if self._text.startswith((":", "-"), at) else self._done

    def _end_of_block(self, event: ScalarEvent, start: int, end: int) -> int:
        """Before its last line break; one that keeps its trailing lines (``|+``) has them all."""
        block = self._text[start:end]
        if event.value.endswith("\n\n") or not event.value.strip():
            return start + len(block.removesuffix("\n").removesuffix("\r"))
        return start + len(block.rstrip())

    def _collection(self, event: CollectionStartEvent, start: int) -> List | Map:
        is_flow = bool(event.flow_style)
        tag, anchor = event.tag or "", event.anchor or ""
        content = self._beyond_properties(start) if tag or anchor else start
        self._done = event.end_mark.index if is_flow else content
        children, closed = self._children()
        end = closed if is_flow else max((child.end for child in children), default=start)
        if not isinstance(event, MappingStartEvent):
            return List(tuple(children), is_flow, tag, anchor, start, content, end)
        keys = map(self._key, children[::2])
        entries = tuple(zip(keys, children[1::2], strict=True))
        return Map(entries, is_flow, tag, anchor, start, content, end)

    def _children(self) -> tuple[list[Node], int]:
        """The nodes up to the end of their collection, and where it is closed."""
        children: list[Node] = []
        for event in self._events:
            if isinstance(event, CollectionEndEvent):
                return children, event.end_mark.index
            children.append(self._node(event))
        raise AssertionError("the parser closes what it opens")

    def _key(self, node: Node) -> Text:
        if isinstance(node, Text):
            return node
        source = self._text[node.start : node.end]
        if isinstance(node, Alias) and isinstance(node.target, Text):
            source = node.target.value
        return Text(source, "?", "", "", node.start, node.start, node.end)

    def _beyond_properties(self, at: int) -> int:
        while found := _PROPERTY.match(self._text, at):
            at = beyond_whitespace(self._text, found.end())
        return at


def beyond_whitespace(text: str, at: int) -> int:
    """Where the next thing stands that is neither blank nor a comment."""
    found = _BEYOND_WHITESPACE.match(text, at)
    return found.end() if found else at


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


def json_of(node: Node) -> Json:
    """A node as JSON, secrets and all."""
    match target(node):
        case Text() as text:
            return _scalar_json(text)
        case List(items=items):
            return [json_of(item) for item in items]
        case Map() as mapping:
            return {name: json_of(value) for name, value in entries_of(mapping).items()}


def _scalar_json(text: Text) -> Json:
    if text.is_null:
        return None
    if text.tag in SPECIAL:
        return f"{text.tag} {text.value.strip()}"
    if text.tag in _TEXT_TAGS or (text.style and not text.tag):
        return text.value
    if text.tag in _GUESSED_TAGS:
        return plain_value(text.value)
    return f"{text.tag} {text.value}"


def plain_value(word: str) -> Json:
    """A word without quotes as JSON: no value, true or false, a number, or text.

    YAML 1.2's core schema: ``yes`` and ``no`` are text, and may well be tags. A number that
    JSON or its readers would change (``007``, ``0x1F``, twenty digits) is text, too.
    """
    if word in _NULLS:
        return None
    if word in BOOLS and word.lower() in ("true", "false"):
        return BOOLS[word]
    if _INT.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word) and not word.lstrip("+-").isdecimal():
        number = float(word)
        return number if math.isfinite(number) else word
    return word


def meant_by(word: str) -> Json:
    """The same where yes or no may be meant: people write those and on and off, too."""
    return BOOLS[word] if word in BOOLS else plain_value(word)


def says(node: Node, wanted: Json) -> bool:
    """Whether a node means ``wanted`` already, so that it need not be written again.

    Quotes make no difference where a number or yes or no is wanted, nor does a list of one.
    """
    match target(node):
        case Text() as text:
            return _text_says(text, wanted)
        case List(items=items):
            return (
                isinstance(wanted, list)
                and len(items) == len(wanted)
                and all(map(says, items, wanted))
            )
        case Map() as mapping:
            return isinstance(wanted, dict) and _map_says(entries_of(mapping), wanted)


def _map_says(entries: Mapping[str, Node], wanted: Mapping[str, Json]) -> bool:
    return entries.keys() == wanted.keys() and all(
        says(value, wanted[name]) for name, value in entries.items()
    )


def _text_says(text: Text, wanted: Json) -> bool:
    if isinstance(wanted, list) and len(wanted) == 1:
        (only,) = wanted
        return only is not None and not isinstance(only, list) and _text_says(text, only)
    if wanted is None or text.is_null:
        return wanted is None and text.is_null
    shown = _scalar_json(text)
    if isinstance(wanted, str):
        return wanted in (shown, text.value if text.tag in _GUESSED_TAGS else shown)
    meant = meant_by(text.value) if text.tag in _GUESSED_TAGS | _TEXT_TAGS else shown
    return same_scalar(meant, wanted)


def same_scalar(one: Json, other: Json) -> bool:
    """Equality that knows yes from 1, and does not know 2 from 2.0, as JSON's readers don't."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


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
