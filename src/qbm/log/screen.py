"""Text that is safe to show, and how many columns it takes.

Torrent names and servers' messages come from strangers: they may hold escape sequences that
drive a terminal, line breaks that forge a log line, or marks that turn the text around.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

ELLIPSIS: Final = "…"
# Joiners shape letters of Persian, of India and emoji, and cannot do harm.
_HARMLESS: Final = frozenset("\u200c\u200d")
_ISOLATE: Final = "\u2068"
_END_ISOLATE: Final = "\u2069"


def visible(text: str) -> str:
    r"""``text`` with all that would not show as itself written out, such as ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


@cache
def _shown(character: str) -> str:
    is_shown = character.isprintable() or character in _HARMLESS
    if is_shown or unicodedata.category(character) == "Zs":
        return character
    return ascii(character)[1:-1]


def isolated(text: str) -> str:
    """``text``, its right-to-left letters kept from turning the rest of a screen's line around."""
    if text.isascii() or not any(map(_is_right_to_left, text)):
        return text
    return f"{_ISOLATE}{text}{_END_ISOLATE}"


@cache
def _is_right_to_left(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL", "AN")


def columns(text: str) -> int:
    """The columns of a terminal that ``text`` takes: two for a wide letter, none for an accent."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


@cache
def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def cut(text: str, most: int) -> str:
    """``text`` in at most ``most`` columns, with an ellipsis where something is left out."""
    if columns(text) <= most:
        return text
    return _start(text, most - 1) + ELLIPSIS


def _start(text: str, most: int) -> str:
    """As much of the start of ``text`` as fits into ``most`` columns."""
    if text.isascii():
        return text[:most]
    taken = 0
    for place, character in enumerate(text):
        taken += _columns_of(character)
        if taken > most:
            return text[:place]
    return text


def wrapped(text: str, most: int, indent: int = 0) -> list[str]:
    """``text`` in lines of at most ``most`` columns, broken at blanks, or in paths after a ``/``.

    All but the first begin with ``indent`` blanks.
    """
    lines: list[str] = []
    margin = ""
    while columns(text) > most - len(margin):
        at = _break(text, most - len(margin))
        lines.append(margin + text[:at].rstrip())
        text = text[at:].lstrip()
        margin = " " * indent
    return [*lines, margin + text]


def _break(text: str, most: int) -> int:
    """Where to break a text that is longer than ``most`` columns; at least 1."""
    start = _start(text, most) or text[0]
    if text[len(start)] == " ":
        return len(start)
    blank = start.rfind(" ")
    word = text[blank + 1 :].partition(" ")[0]
    if blank > 0 and columns(word) <= most:
        return blank
    slash = start.rfind("/") + 1
    return slash if slash > len(start) // 3 else len(start)
