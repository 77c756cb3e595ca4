"""From a file's text to the nodes that are written there."""

from __future__ import annotations

import re
from collections.abc import Iterator

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

from qbm.config.editing.written import Alias, List, Map, Node, Target, Text
from qbm.config.reading.document import compose
from qbm.config.reading.mistakes import BrokenYamlError
from qbm.config.refusals import NotReadable

_BEYOND_WHITESPACE = re.compile(r"(?:\s|(?:(?<=\s)|^)#[^\r\n]*)*")
_PROPERTY = re.compile(r"!<[^>]*>|[&!][^\s,\[\]{}]*")
_BLOCK = ("|", ">")


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
