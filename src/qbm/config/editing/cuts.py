"""Cuts into a text: what comes instead of what, all made at once."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Cut(Struct, frozen=True):
    """From ``start`` to ``end`` comes ``new`` instead."""

    start: int
    end: int
    new: str


class CannotCutError(Exception):
    """What is around this value must be written anew."""


def applied(text: str, cuts: Iterable[Cut]) -> str | None:
    """The text with the cuts made, what is but put in first; None if others than gaps overlap."""
    pieces: list[str] = []
    done = 0
    for cut in sorted(cuts, key=lambda each: (each.start, each.end)):
        if cut.start < done and cut.new:
            return None
        pieces += [text[done : cut.start], cut.new]
        done = max(done, cut.end)
    return "".join((*pieces, text[done:]))
