"""A scalar in the place of another one, in its quotes and its spelling of yes and no."""

from __future__ import annotations

from qbm.config.editing import rendering
from qbm.config.editing.cuts import CannotCutError, Cut
from qbm.config.editing.meaning import BOOLS, Json
from qbm.config.editing.places import Slot
from qbm.config.editing.style import Style
from qbm.config.editing.written import Text

_SPELLINGS = (
    *(("true", "false"), ("True", "False"), ("TRUE", "FALSE")),
    *(("yes", "no"), ("Yes", "No"), ("YES", "NO")),
    *(("on", "off"), ("On", "Off"), ("ON", "OFF")),
)


def replaced(text: str, node: Text, wanted: Json, slot: Slot, style: Style) -> Cut:
    """What puts the scalar ``wanted`` where ``node`` stands in the text.

    Raises:
        CannotCutError: nothing stands there, not even a colon to put it after.
    """
    if node.start == node.end:
        return _filled(text, wanted, slot, style)
    if wanted is None and not (node.anchor or slot.in_flow or slot.is_item):
        return Cut(slot.after, node.end, "")
    new = _alike(node, wanted, slot, style)
    return Cut(node.start, node.end, f"&{node.anchor} {new}" if node.anchor else new)


def _filled(text: str, wanted: Json, slot: Slot, style: Style) -> Cut:
    """A value where there was none, not even a word for it."""
    if slot.in_flow and text[slot.after - 1] != ":":
        raise CannotCutError
    new = rendering.scalar(wanted, style.quote, in_flow=slot.in_flow)
    return Cut(slot.after, slot.after, f" {new}")


def _alike(node: Text, wanted: Json, slot: Slot, style: Style) -> str:
    if isinstance(wanted, bool):
        for yes, no in _SPELLINGS:
            if not node.style and node.value in (yes, no):
                return yes if wanted else no
    if node.style in ("|", ">") and isinstance(wanted, str) and "\n" in wanted:
        return _literal(wanted, slot, style)
    if not node.style and node.value in BOOLS and wanted in BOOLS:
        return str(wanted)
    quote = node.style if node.style in ("'", '"') else ""
    return rendering.scalar(wanted, quote, in_flow=slot.in_flow)


def _literal(wanted: str, slot: Slot, style: Style) -> str:
    """Text of several lines below a ``|``, if it can stand there as it is."""
    lines = wanted.removesuffix("\n").split("\n")
    if not (lines[0].strip() and lines[-1].strip()) or lines[0].startswith(" "):
        return rendering.scalar(wanted, '"')
    if not all(line.isprintable() for line in lines):
        return rendering.scalar(wanted, '"')
    header = "|" if wanted.endswith("\n") else "|-"
    indent = " " * (slot.indent + style.step)
    return style.newline.join((header, *(f"{indent}{line}".rstrip() for line in lines)))
