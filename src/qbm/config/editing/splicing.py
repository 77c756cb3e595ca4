"""A file gone through along with what it is to say; each change is cut in where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from qbm.config.editing import layout, rendering, scalars
from qbm.config.editing.cuts import CannotCutError, Cut, applied
from qbm.config.editing.lines import Lines
from qbm.config.editing.meaning import Json, says
from qbm.config.editing.pairing import Pairing, paired_entries, paired_items
from qbm.config.editing.places import Part, Slot, parts_of_list, parts_of_map
from qbm.config.editing.recasting import recast
from qbm.config.editing.style import Style, column, quote_of, style_of
from qbm.config.editing.written import Alias, List, Map, Node, Text, aliases_in, anchors_in

_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


def spliced(text: str, root: Node, data: dict[str, Json], deepest: int) -> str | None:
    """The text with cuts for all that changes; None if that cannot be done by cuts.

    Collections below the level ``deepest`` that change are written anew. So is an alias whose
    value changes at its anchor, and so on until none does.
    """
    if isinstance(root, Text) and root.is_null:
        return _appended(text, data)
    stale: frozenset[str] = frozenset()
    while True:
        splicing = _Splicing(text, style_of(text, root), stale, deepest)
        try:
            splicing.value(root, data, None)
        except CannotCutError:
            return None
        if splicing.touched <= stale:
            return applied(text, splicing.cuts)
        stale |= splicing.touched


def _appended(text: str, data: dict[str, Json]) -> str:
    style = Style(newline="\r\n" if "\r\n" in text else "\n")
    gap = style.newline if text and not text.endswith("\n") else ""
    return text + gap + "".join(line + style.newline for line in rendering.block(data, 0, style))


class _Splicing:
    """One way through a file; collects the cuts.

    ``stale`` are anchors whose value changes; ``touched`` those for which it was found so.
    """

    def __init__(self, text: str, style: Style, stale: frozenset[str], deepest: int) -> None:
        self._lines = Lines(text, style.newline)
        self._style = style
        self._stale = stale
        self._deepest = deepest
        self.cuts: list[Cut] = []
        self.touched: frozenset[str] = frozenset()

    def value(self, node: Node, wanted: Json, slot: Slot | None) -> None:
        """Cut in what makes ``node`` say ``wanted``; ``slot`` is None for the whole document.

        Raises:
            CannotCutError: there is no way but to write the thing around it anew.
        """
        if says(node, wanted) and self._stale.isdisjoint(aliases_in(node)):
            return
        before = len(self.cuts)
        try:
            self._inside(node, wanted, slot)
        except CannotCutError:
            if slot is None:
                raise
            del self.cuts[before:]
            self._goes(node)
            style = replace(self._style, quote=quote_of([node]))
            self.cuts += recast(self._lines, node, wanted, slot, style)
        if not isinstance(node, Alias) and node.anchor:
            self.touched |= {node.anchor}

    def _goes(self, node: Node) -> None:
        self.touched |= frozenset(anchors_in(node))

    def _inside(self, node: Node, wanted: Json, slot: Slot | None) -> None:
        if slot is not None and slot.depth >= self._deepest:
            raise CannotCutError
        match node, wanted:
            case Map(), dict() if node.entries and (wanted or slot is None):
                self._map(node, wanted, 0 if slot is None else slot.depth)
            case List(), list() if wanted and node.items and slot is not None:
                self._list(node, wanted, slot.depth)
            case Text(), None | bool() | int() | float() | str() if slot is not None:
                cut = scalars.replaced(self._lines.text, node, wanted, slot, self._style)
                self.cuts.append(cut)
            case _:
                raise CannotCutError

    def _map(self, node: Map, wanted: dict[str, Json], depth: int) -> None:
        pairing = paired_entries(node, wanted, self._stale)
        parts = parts_of_map(self._lines, node)
        indent = column(self._lines.text, parts[0].start)
        for number, (_, value) in enumerate(node.entries):
            name = pairing.stays.get(number)
            if name is not None:
                slot = Slot(indent, parts[number].after, depth + 1, in_flow=node.is_flow)
                if node.is_flow or parts[number].has_colon:
                    self.value(value, wanted[name], slot)
                elif wanted[name] is not None:
                    self._add_colon(wanted[name], slot)
            elif number not in pairing.stays:
                self._goes(value)
        self._lay_out_entries(node, wanted, pairing, parts, depth)

    def _add_colon(self, wanted: Json, slot: Slot) -> None:
        """A value below a key that stands alone behind its ``?``."""
        colon = f"{self._style.newline}{' ' * slot.indent}:"
        self.cuts.append(Cut(slot.after, slot.after, f"{colon} {rendering.flow(wanted)}"))

    def _lay_out_entries(
        self,
        node: Map,
        wanted: dict[str, Json],
        pairing: Pairing[str],
        parts: Sequence[Part],
        depth: int,
    ) -> None:
        text = self._lines.text
        stays = pairing.stays
        style = replace(self._style, quote=quote_of(value for _, value in node.entries))
        if node.is_flow:
            entry = rendering.flow_entry
            new = [(after, entry(name, wanted[name], style.quote)) for after, name in pairing.new]
            self.cuts += layout.in_flow(text, parts, stays, new)
            return
        indent = column(text, parts[0].start)
        lines = [
            (after, rendering.entry(name, wanted[name], indent, style))
            for after, name in pairing.new
        ]
        gap = [""] if depth == 0 and self._is_spaced(parts) else []
        self.cuts += layout.in_block(self._lines, parts, stays, lines, indent, gap)

    def _is_spaced(self, parts: Sequence[Part]) -> bool:
        """Whether blank lines stand between the parts, and would not belong to a text there."""
        if self._lines.keep_blank_ones():
            return False
        return _BLANK_LINE.search(self._lines.text, parts[0].start, parts[-1].start) is not None

    def _list(self, node: List, wanted: list[Json], depth: int) -> None:
        pairing = paired_items(node.items, wanted)
        if not pairing.stays:
            raise CannotCutError
        parts = parts_of_list(self._lines, node)
        indent = column(self._lines.text, node.content)
        for number, (item, part) in enumerate(zip(node.items, parts, strict=True)):
            place = pairing.stays.get(number)
            if place is not None:
                slot = Slot(indent, part.after, depth + 1, node.is_flow, not node.is_flow)
                self.value(item, wanted[place], slot)
            else:
                self._goes(item)
        self._lay_out_items(node, wanted, pairing, parts)

    def _lay_out_items(
        self, node: List, wanted: list[Json], pairing: Pairing[int], parts: Sequence[Part]
    ) -> None:
        text = self._lines.text
        stays = pairing.stays
        style = replace(self._style, quote=quote_of(node.items))
        if node.is_flow:
            new = [(after, rendering.flow(wanted[n], style.quote)) for after, n in pairing.new]
            self.cuts += layout.in_flow(text, parts, stays, new)
            return
        indent = column(text, node.content)
        lines = [(after, rendering.item(wanted[n], indent, style)) for after, n in pairing.new]
        self.cuts += layout.in_block(self._lines, parts, stays, lines, indent, [])
