"""Edit a config file's text as a person would: what is not changed stays as it is.

Each change is cut into the text where the value stands, so comments, blank lines, quotes and
the order of keys are no business of ours. What cannot be cut in (a merge key that brings too
much, an alias whose value changes) is written anew, as little of it as will do; the new text
is read again each time, and one that does not say what is wanted is never answered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from msgspec import Struct
from msgspec.structs import replace

from qbm.config.editing import rendering
from qbm.config.editing.masking import masked, unmasked
from qbm.config.editing.rendering import LONGEST_KEY, Style, column, quote_of, style_of
from qbm.config.editing.written import (
    BOOLS,
    Alias,
    Json,
    List,
    Map,
    Node,
    Text,
    aliases_in,
    anchors_in,
    beyond_whitespace,
    entries_of,
    is_merge,
    json_of,
    read,
    says,
    target,
)
from qbm.config.loading import LARGEST
from qbm.config.problem import shown_path
from qbm.config.reading.document import DEEPEST
from qbm.config.reading.values import Keys
from qbm.config.refusals import NotEditable, NotReadable

_MARK = "\ufeff"
_COMMENT = re.compile(r"[ \t]+#[^\r\n]*")
_BEFORE_KEY = re.compile(r" *(- +)*")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_KEEPS_BLANK_LINES = re.compile(r"[|>][1-9]?\+")
_TOP_COMMENTS = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")
_MOST_COMPARED = 250_000
"""Pairs of items; longer lists that change all over are taken item by item."""
_LARGEST_NUMBER = 2**1023
_SPELLINGS = (
    *(("true", "false"), ("True", "False"), ("TRUE", "FALSE")),
    *(("yes", "no"), ("Yes", "No"), ("YES", "NO")),
    *(("on", "off"), ("On", "Off"), ("ON", "OFF")),
)


def data_of(text: str) -> dict[str, Json]:
    """What a config file says, as JSON; ``***`` for secrets, and {} if it holds no mapping.

    Raises:
        NotReadable: the text is no YAML.
    """
    return masked(read(text.removeprefix(_MARK)))


def edited(text: str, wanted: Mapping[str, Json]) -> str:
    """The text that says ``wanted``, and is otherwise as it was.

    A ``***`` in it is the file's own value, ``!ENV X`` and ``!FILE p`` are those tags, and keys
    that it does not have are removed; the order of those that the file has is the file's.

    Raises:
        NotReadable: the text is no YAML.
        NotEditable: what is wanted cannot stand in a config, or it is not plain what a
            ``***`` means.
    """
    _check(wanted)
    mark = _MARK if text.startswith(_MARK) else ""
    body = text.removeprefix(_MARK)
    root = read(body)
    data = unmasked(root, wanted)
    if _holds(root, data):
        return text
    for deepest in (DEEPEST, 2, 1):
        new = _spliced(body, root, data, deepest)
        if new is not None and _is_right(new, data):
            return mark + new
    return mark + _anew(data, style_of(body, root), _comments_on_top(body))


def written_anew(wanted: Mapping[str, Json]) -> str:
    """The text of a new file that says ``wanted``; raises NotEditable."""
    _check(wanted)
    return _anew(unmasked(read(""), wanted), Style(), "")


def _anew(data: dict[str, Json], style: Style, top: str) -> str:
    lines = rendering.block(data, 0, style) or ["{}"]
    new = top + "".join(line + style.newline for line in lines)
    if not _is_right(new, data):
        raise NotEditable("the data cannot be written to a config file as they are")
    return new


def _comments_on_top(text: str) -> str:
    found = _TOP_COMMENTS.match(text)
    return found[0] if found else ""


def _holds(root: Node, data: dict[str, Json]) -> bool:
    """Whether a file says just that; an empty one has no keys."""
    return says(root, data) or (not data and says(root, None))


def _is_right(text: str, data: dict[str, Json]) -> bool:
    if len(text.encode()) > LARGEST:
        raise NotEditable(f"the file would be too large (allowed: at most {LARGEST:,} bytes)")
    try:
        return _holds(read(text), data)
    except NotReadable:
        return False


def _check(wanted: Json | Mapping[str, Json], at: Keys = ()) -> None:
    """Refuses what no config can hold: NaN, half a character, a tree without end."""
    if reason := _unwritable(wanted, at):
        where = f"{shown_path(at)}: " if at else ""
        raise NotEditable(f"{where}{reason}")
    if isinstance(wanted, list):
        for number, value in enumerate(wanted):
            _check(value, (*at, number))
    elif isinstance(wanted, Mapping):
        for key, value in wanted.items():
            if reason := _unwritable_key(key):
                raise NotEditable(f"{shown_path((*at, key))}: {reason}")
            _check(value, (*at, key))


def _unwritable(value: Json | Mapping[str, Json], at: Keys) -> str:
    match value:
        case float() if not math.isfinite(value):
            return "it is no number (allowed: a finite one)"
        case int() if abs(value) > _LARGEST_NUMBER:
            return "the number is too large"
        case str() if _is_half(value):
            return "it holds half a character (allowed: text in UTF-8)"
        case list() | dict() if len(at) >= DEEPEST - 1:
            return f"too deeply nested (allowed: at most {DEEPEST} levels)"
        case _:
            return ""


def _unwritable_key(key: str) -> str:
    if _is_half(key):
        return "the key holds half a character (allowed: text in UTF-8)"
    return f"the key is too long (at most {LONGEST_KEY})" if len(key) > LONGEST_KEY else ""


def _is_half(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


def _spliced(text: str, root: Node, data: dict[str, Json], deepest: int) -> str | None:
    """The text with cuts for all that changes; None if that cannot be done by cuts.

    An alias whose value changes at its anchor is written out, and so on until none does.
    """
    if isinstance(root, Text) and root.is_null:
        return _appended(text, data)
    stale: frozenset[str] = frozenset()
    while True:
        splicing = _Splicing(text, style_of(text, root), stale, deepest)
        try:
            splicing.value(root, data, None)
        except _CannotCutError:
            return None
        if splicing.touched <= stale:
            return _applied(text, splicing.cuts)
        stale |= splicing.touched


def _appended(text: str, data: dict[str, Json]) -> str:
    style = Style(newline="\r\n" if "\r\n" in text else "\n")
    gap = style.newline if text and not text.endswith("\n") else ""
    return text + gap + "".join(line + style.newline for line in rendering.block(data, 0, style))


class _Cut(Struct, frozen=True):
    """From ``start`` to ``end`` comes ``new`` instead."""

    start: int
    end: int
    new: str


def _applied(text: str, cuts: Iterable[_Cut]) -> str | None:
    """The text with the cuts made, what is but put in first; None if others than gaps overlap."""
    pieces: list[str] = []
    done = 0
    for cut in sorted(cuts, key=lambda each: (each.start, each.end)):
        if cut.start < done and cut.new:
            return None
        pieces += [text[done : cut.start], cut.new]
        done = max(done, cut.end)
    return "".join((*pieces, text[done:]))


class _CannotCutError(Exception):
    """What is around this value must be written anew."""


class _Slot(Struct, frozen=True):
    """Where a value stands: ``after`` the colon of its key, or its dash, at column ``indent``."""

    indent: int
    after: int
    depth: int
    in_flow: bool = False
    is_item: bool = False


class _Part(Struct, frozen=True):
    """An entry or item: from its key or dash to where its value ends."""

    start: int
    end: int


class _Splicing:
    """One way through a file, along with what is wanted; collects the cuts.

    ``stale`` are anchors whose value changes; ``touched`` those for which it was found so.
    """

    def __init__(self, text: str, style: Style, stale: frozenset[str], deepest: int) -> None:
        self._text = text
        self._style = style
        self._stale = stale
        self._deepest = deepest
        self.cuts: list[_Cut] = []
        self.touched: frozenset[str] = frozenset()

    def value(self, node: Node, wanted: Json, slot: _Slot | None) -> None:
        """Cut in what makes ``node`` say ``wanted``; ``slot`` is None for the whole document.

        Raises:
            _CannotCutError: there is no way but to write the thing around it anew.
        """
        if says(node, wanted) and self._stale.isdisjoint(aliases_in(node)):
            return
        before = len(self.cuts)
        try:
            self._inside(node, wanted, slot)
        except _CannotCutError:
            del self.cuts[before:]
            self._recast(node, wanted, slot)
        if not isinstance(node, Alias) and node.anchor:
            self.touched |= {node.anchor}

    def _inside(self, node: Node, wanted: Json, slot: _Slot | None) -> None:
        if slot is not None and slot.depth >= self._deepest:
            raise _CannotCutError
        match node, wanted:
            case Map(), dict() if node.entries and (wanted or slot is None):
                self._map(node, wanted, 0 if slot is None else slot.depth)
            case List(), list() if wanted and node.items and slot is not None:
                self._list(node, wanted, slot.depth)
            case Text(), None | bool() | int() | float() | str() if slot is not None:
                self._scalar(node, wanted, slot)
            case _:
                raise _CannotCutError

    # Scalars, and values of another kind

    def _scalar(self, node: Text, wanted: Json, slot: _Slot) -> None:
        if node.start == node.end:
            self._fill(wanted, slot)
        elif wanted is None and not (node.anchor or slot.in_flow or slot.is_item):
            self._cut(slot.after, node.end, "")
        else:
            new = self._alike(node, wanted, slot)
            self._cut(node.start, node.end, f"&{node.anchor} {new}" if node.anchor else new)

    def _fill(self, wanted: Json, slot: _Slot) -> None:
        """A value where there was none, not even a word for it."""
        if slot.in_flow and self._text[slot.after - 1] != ":":
            raise _CannotCutError
        new = rendering.scalar(wanted, self._style.quote, in_flow=slot.in_flow)
        self._cut(slot.after, slot.after, f" {new}")

    def _alike(self, node: Text, wanted: Json, slot: _Slot) -> str:
        """The wanted scalar in the quotes, or the spelling of yes and no, of the old one."""
        if isinstance(wanted, bool):
            for yes, no in _SPELLINGS:
                if not node.style and node.value in (yes, no):
                    return yes if wanted else no
        if node.style in ("|", ">") and isinstance(wanted, str) and "\n" in wanted:
            return self._literal(wanted, slot)
        if not node.style and node.value in BOOLS and wanted in BOOLS:
            return str(wanted)
        quote = node.style if node.style in ("'", '"') else ""
        return rendering.scalar(wanted, quote, in_flow=slot.in_flow)

    def _literal(self, wanted: str, slot: _Slot) -> str:
        lines = wanted.removesuffix("\n").split("\n")
        if not (lines[0].strip() and lines[-1].strip()) or lines[0].startswith(" "):
            return rendering.scalar(wanted, '"')
        if not all(line.isprintable() for line in lines):
            return rendering.scalar(wanted, '"')
        header = "|" if wanted.endswith("\n") else "|-"
        indent = " " * (slot.indent + self._style.step)
        return self._style.newline.join((header, *(f"{indent}{line}".rstrip() for line in lines)))

    def _recast(self, node: Node, wanted: Json, slot: _Slot | None) -> None:
        """A value written anew as a whole, with its anchor and the comment of its key's line."""
        if slot is None:
            raise _CannotCutError
        self.touched |= frozenset(anchors_in(node))
        anchor = "" if isinstance(node, Alias) else node.anchor
        style = replace(self._style, quote=quote_of([node]))
        if slot.in_flow:
            if node.start == node.end and self._text[slot.after - 1] != ":":
                raise _CannotCutError
            space = " " if node.start == node.end else ""
            name = f"&{anchor} " if anchor else ""
            self._cut(node.start, node.end, f"{space}{name}{rendering.flow(wanted, style.quote)}")
            return
        head = (f" &{anchor}" if anchor else "", self._comment_of_key(node, slot))
        self._recast_block(wanted, slot, max(node.end, slot.after), head, style)

    def _recast_block(
        self, wanted: Json, slot: _Slot, end: int, head: tuple[str, str], style: Style
    ) -> None:
        anchor, comment = head
        if wanted is None and not slot.is_item and not anchor:
            self._cut(slot.after, end, comment)
        elif rendering.stands_alone(wanted, style):
            new = rendering.flow_or_scalar(wanted, style)
            self._cut(slot.after, end, f"{anchor} {new}{comment}")
        elif slot.is_item and not anchor and not comment:
            first, *others = rendering.block(wanted, slot.indent + 2, style)
            self._cut(slot.after, end, f" {first.lstrip(' ')}")
            self._add_lines(self._line_end(end), others)
        else:
            lines = rendering.below_key(wanted, slot.indent, style)
            if slot.is_item:
                lines = rendering.block(wanted, slot.indent + 2, style)
            self._cut(slot.after, end, f"{anchor}{comment}")
            self._add_lines(self._line_end(end), lines)

    def _comment_of_key(self, node: Node, slot: _Slot) -> str:
        """The comment between a key and its collection in the lines below."""
        line = self._text[slot.after : self._line_end(slot.after)]
        if isinstance(node, Map | List) and slot.after + len(line) < node.content:
            found = _COMMENT.search(line)
            return found[0] if found else ""
        return ""

    # Mappings

    def _map(self, node: Map, wanted: dict[str, Json], depth: int) -> None:
        taken_in = self._kept_merges(node, wanted)
        own: dict[str, int] = {}
        kept: dict[int, str] = {}
        for number, (key, value) in enumerate(node.entries):
            if is_merge(key, value):
                if number in taken_in:
                    kept[number] = ""
            elif own.setdefault(key.value, number) == number and key.value in wanted:
                kept[number] = key.value
        brought: dict[str, Node] = {}
        for value in taken_in.values():
            brought = _brought(value) | brought
        new: list[tuple[int, str]] = []
        last = -1
        for name, json in wanted.items():
            if name in own:
                last = own[name]
            elif name not in brought or not says(brought[name], json):
                new.append((last, name))
        self._lay_out_map(node, wanted, kept, new, depth)

    def _kept_merges(self, node: Map, wanted: dict[str, Json]) -> dict[int, Node]:
        """The merge keys, by number, that bring nothing that is not wanted or has changed."""
        return {
            number: value
            for number, (key, value) in enumerate(node.entries)
            if is_merge(key, value)
            and self._stale.isdisjoint(aliases_in(value))
            and _brought(value).keys() <= wanted.keys()
        }

    def _lay_out_map(
        self,
        node: Map,
        wanted: dict[str, Json],
        kept: dict[int, str],
        new: Sequence[tuple[int, str]],
        depth: int,
    ) -> None:
        parts: list[_Part] = []
        indent = column(self._text, node.entries[0][0].start)
        for number, (key, value) in enumerate(node.entries):
            colon = self._colon(key, node)
            parts.append(_Part(key.start, max(value.end, colon)))
            if kept.get(number):
                slot = _Slot(indent, colon, depth + 1, in_flow=node.is_flow)
                self.value(value, wanted[kept[number]], slot)
            elif number not in kept:
                self.touched |= frozenset(anchors_in(value))
        style = replace(self._style, quote=quote_of([value for _, value in node.entries]))
        if node.is_flow:
            texts = [
                (after, rendering.flow_entry(name, wanted[name], style.quote))
                for after, name in new
            ]
            self._lay_out_flow(parts, kept.keys(), texts)
        else:
            lines = [
                (after, rendering.entry(name, wanted[name], indent, style)) for after, name in new
            ]
            gap = depth == 0 and self._is_spaced(parts)
            self._lay_out_block(parts, kept.keys(), lines, indent, gap=[""] if gap else [])

    def _colon(self, key: Text, node: Map) -> int:
        """Where the key's colon ends; keys in braces may have none."""
        at = beyond_whitespace(self._text, key.end)
        if self._text.startswith(":", at):
            start = self._line_start(key.start)
            if not node.is_flow and not _BEFORE_KEY.fullmatch(self._text, start, key.start):
                raise _CannotCutError
            return at + 1
        if node.is_flow:
            return key.end
        raise _CannotCutError

    def _is_spaced(self, parts: Sequence[_Part]) -> bool:
        """Whether blank lines stand between the parts, and would not belong to a text there."""
        if _KEEPS_BLANK_LINES.search(self._text):
            return False
        return _BLANK_LINE.search(self._text, parts[0].start, parts[-1].start) is not None

    # Lists

    def _list(self, node: List, wanted: list[Json], depth: int) -> None:
        pairs = _paired(node.items, wanted)
        if not pairs:
            raise _CannotCutError
        parts = self._items(node)
        indent = column(self._text, node.content)
        for number, item in enumerate(node.items):
            if number in pairs:
                slot = _Slot(
                    indent, parts[number].start + 1, depth + 1, node.is_flow, not node.is_flow
                )
                self.value(item, wanted[pairs[number]], slot)
            else:
                self.touched |= frozenset(anchors_in(item))
        old = {new: number for number, new in pairs.items()}
        quote = quote_of(list(node.items))
        style = replace(self._style, quote=quote)
        texts: list[tuple[int, str]] = []
        lines: list[tuple[int, list[str]]] = []
        last = -1
        for number, value in enumerate(wanted):
            if number in old:
                last = old[number]
            elif node.is_flow:
                texts.append((last, rendering.flow(value, quote)))
            else:
                lines.append((last, rendering.item(value, indent, style)))
        if node.is_flow:
            self._lay_out_flow(parts, pairs.keys(), texts)
        else:
            self._lay_out_block(parts, pairs.keys(), lines, indent, gap=[])

    def _items(self, node: List) -> list[_Part]:
        if node.is_flow:
            return [_Part(item.start, item.end) for item in node.items]
        parts: list[_Part] = []
        at = node.content
        for item in node.items:
            dash = beyond_whitespace(self._text, at)
            if not self._text.startswith("-", dash):
                raise _CannotCutError
            at = max(item.end, dash + 1)
            parts.append(_Part(dash, at))
        return parts

    # Entries and items that come and go

    def _lay_out_flow(
        self, parts: Sequence[_Part], kept: Iterable[int], new: Sequence[tuple[int, str]]
    ) -> None:
        stay = sorted(kept)
        if not stay:
            raise _CannotCutError
        for number, part in enumerate(parts):
            if number in stay:
                continue
            if number < stay[0]:
                self._cut(part.start, parts[number + 1].start, "")
            else:
                self._cut(parts[number - 1].end, part.end, "")
        for after, text in new:
            if after < 0:
                self._cut(parts[stay[0]].start, parts[stay[0]].start, f"{text}, ")
            else:
                end = parts[after].end
                space = " " if self._text[end - 1] == ":" else ""
                self._cut(end, end, f"{space}, {text}")

    def _lay_out_block(
        self,
        parts: Sequence[_Part],
        kept: Iterable[int],
        new: Sequence[tuple[int, list[str]]],
        indent: int,
        gap: list[str],
    ) -> None:
        stay = sorted(kept)
        if not stay and self._follows_dash(parts[0]):
            raise _CannotCutError
        first_to_stay = stay[0] if stay else 0
        for number in range(self._drop_first(parts, first_to_stay, indent), len(parts)):
            if number not in stay:
                self._drop_lines(parts[number].start, self._end_of_part(parts[number], indent))
        if stay or not self._line_start(parts[0].start):
            before = parts[first_to_stay]
        else:  # the lines before which to put them go
            before, new = None, [(len(parts) - 1, lines) for _, lines in new]
        for after, (first, *others) in new:
            if before is not None and after < 0:
                self._put_before(before, [first, *others, *gap], indent)
            else:
                end = self._end_of_part(parts[after], indent)
                self._add_lines(end, [*gap, f"{' ' * indent}{first}", *others])

    def _drop_first(self, parts: Sequence[_Part], stays: int, indent: int) -> int:
        """Drop the parts before ``stays`` if the first follows a dash; which are yet to drop."""
        if not stays or not self._follows_dash(parts[0]):
            return 0
        end = self._end_of_part(parts[stays - 1], indent)
        if not self._text[end : parts[stays].start].strip():
            end = parts[stays].start
        self._cut(parts[0].start, end, "")
        return stays

    def _put_before(self, part: _Part, lines: list[str], indent: int) -> None:
        spaces = " " * indent
        if self._follows_dash(part):
            new = self._style.newline.join((*lines, spaces))
            self._cut(part.start, part.start, new)
            return
        start = self._start_of_comments(part.start, indent)
        new = "".join(f"{line}{self._style.newline}" for line in lines)
        self._cut(start, start, f"{spaces}{new}")

    def _follows_dash(self, part: _Part) -> bool:
        return bool(self._text[self._line_start(part.start) : part.start].strip())

    # The lines of the text

    def _cut(self, start: int, end: int, new: str) -> None:
        self.cuts.append(_Cut(start, end, new))

    def _add_lines(self, at: int, lines: Iterable[str]) -> None:
        new = "".join(f"{self._style.newline}{line}" for line in lines)
        self._cut(at, at, new)

    def _drop_lines(self, start: int, end: int) -> None:
        """Drop whole lines, with the break before them: what follows may be put in at ``end``."""
        begin = self._line_start(start)
        if _KEEPS_BLANK_LINES.search(self._text):  # those below would become part of such a text
            while (at := self._next_line(end)) < len(self._text) and not self._is_text_at(at):
                end = self._line_end(at)
        if begin:
            self._cut(self._line_end(self._line_start(begin - 1)), end, "")
        else:
            self._cut(0, self._next_line(end), "")

    def _is_text_at(self, at: int) -> bool:
        return bool(self._text[at : self._line_end(at)].strip())

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _next_line(self, at: int) -> int:
        return self._text.find("\n", at) + 1 or len(self._text)

    def _line_end(self, at: int) -> int:
        end = self._text.find("\n", at)
        if end < 0:
            return len(self._text)
        return end - 1 if end > at and self._text[end - 1] == "\r" else end

    def _end_of_part(self, part: _Part, indent: int) -> int:
        """The end of a part's last line; comments below it that are indented deeper are its own."""
        end = self._line_end(part.end)
        at = self._next_line(end)
        while at < len(self._text):
            line = self._text[at : self._line_end(at)]
            if line.lstrip(" ").startswith("#") and _indent(line) > indent:
                end = self._line_end(at)
            elif line.strip():
                break
            at = self._next_line(at)
        return end

    def _start_of_comments(self, at: int, indent: int) -> int:
        """The first line of the comment right above, unless it is that of the whole file."""
        start = own = self._line_start(at)
        while start:
            line = self._text[self._line_start(start - 1) : start]
            if not line.lstrip(" ").startswith("#") or _indent(line) > indent:
                return start
            start = self._line_start(start - 1)
        return own


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _brought(value: Node) -> dict[str, Node]:
    """The keys that a merge key takes in."""
    node = target(value)
    found: dict[str, Node] = {}
    for each in node.items if isinstance(node, List) else (node,):
        mapping = target(each)
        if isinstance(mapping, Map):
            found = entries_of(mapping) | found
    return found


def _paired(items: Sequence[Node], wanted: Sequence[Json]) -> dict[int, int]:
    """Which old item becomes which wanted one: those that say it already, then neighbours."""
    shorter = min(len(items), len(wanted))
    start = next((n for n in range(shorter) if not says(items[n], wanted[n])), shorter)
    rest = range(shorter - start)
    end = next((n for n in rest if not says(items[-1 - n], wanted[-1 - n])), len(rest))
    old, new = range(start, len(items) - end), range(start, len(wanted) - end)
    if len(old) * len(new) > _MOST_COMPARED:
        return {n: n for n in range(shorter)}
    old_ids = [_first_that_says(items, json_of(items[n])) for n in old]
    found = [_first_that_says(items, wanted[n]) for n in new]
    new_ids = [first if first >= 0 else -1 - place for place, first in enumerate(found)]
    pairs = {n: n for n in range(start)}
    pairs |= {len(items) - n: len(wanted) - n for n in range(1, end + 1)}
    matcher = SequenceMatcher(None, old_ids, new_ids, autojunk=False)
    for _, i, j, k, m in matcher.get_opcodes():
        pairs |= dict(zip(old[i:j], new[k:m], strict=False))
    return pairs


def _first_that_says(items: Sequence[Node], wanted: Json) -> int:
    return next((number for number, item in enumerate(items) if says(item, wanted)), -1)
