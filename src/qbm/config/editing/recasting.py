"""A value written anew as a whole, with its anchor and the comment of its key's line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qbm.config.editing import rendering
from qbm.config.editing.cuts import CannotCutError, Cut
from qbm.config.editing.lines import Lines
from qbm.config.editing.meaning import Json
from qbm.config.editing.places import Slot
from qbm.config.editing.style import Style
from qbm.config.editing.written import Alias, List, Map, Node

_COMMENT = re.compile(r"[ \t]+#[^\r\n]*")


def recast(lines: Lines, node: Node, wanted: Json, slot: Slot, style: Style) -> Iterator[Cut]:
    """The cuts that put ``wanted`` where ``node`` stands.

    Raises:
        CannotCutError: it stands in braces, as a key without a colon.
    """
    anchor = "" if isinstance(node, Alias) else node.anchor
    if slot.in_flow:
        yield _in_flow(lines.text, node, wanted, slot, anchor, style.quote)
        return
    end = max(node.end, slot.after)
    comment = _comment_of_key(lines, node, slot)
    anchor = f" &{anchor}" if anchor else ""
    if wanted is None and not slot.is_item and not anchor:
        yield Cut(slot.after, end, comment)
    elif rendering.stands_alone(wanted, style):
        new = rendering.flow_or_scalar(wanted, style)
        yield Cut(slot.after, end, f"{anchor} {new}{comment}")
    elif slot.is_item:
        yield from _item(lines, wanted, slot, end, f"{anchor}{comment}", style)
    else:
        yield Cut(slot.after, end, f"{anchor}{comment}")
        yield lines.added(lines.end(end), rendering.below_key(wanted, slot.indent, style))


def _in_flow(text: str, node: Node, wanted: Json, slot: Slot, anchor: str, quote: str) -> Cut:
    is_nothing = node.start == node.end
    if is_nothing and text[slot.after - 1] != ":":
        raise CannotCutError
    space = " " if is_nothing else ""
    name = f"&{anchor} " if anchor else ""
    return Cut(node.start, node.end, f"{space}{name}{rendering.flow(wanted, quote)}")


def _item(
    lines: Lines, wanted: Json, slot: Slot, end: int, head: str, style: Style
) -> Iterator[Cut]:
    """A collection as an item: in the line of its dash, unless ``head`` stands there."""
    new = rendering.block(wanted, slot.indent + 2, style)
    if not head:
        head, new = f" {new[0].lstrip(' ')}", new[1:]
    yield Cut(slot.after, end, head)
    yield lines.added(lines.end(end), new)


def _comment_of_key(lines: Lines, node: Node, slot: Slot) -> str:
    """The comment between a key and its collection in the lines below."""
    end = lines.end(slot.after)
    if isinstance(node, Map | List) and end < node.content:
        found = _COMMENT.search(lines.text[slot.after : end])
        return found[0] if found else ""
    return ""
