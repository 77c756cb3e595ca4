"""What can stand in a config at all, whoever sends it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from qbm.config.editing.meaning import Json
from qbm.config.editing.rendering import LONGEST_KEY
from qbm.config.problem import shown_path
from qbm.config.reading.document import DEEPEST
from qbm.config.reading.values import Keys
from qbm.config.refusals import NotEditable

_LARGEST_NUMBER = 2**1023


def check_possible(wanted: Json | Mapping[str, Json], at: Keys = ()) -> None:
    """Raises NotEditable for what no config can hold: NaN, half a character, a tree without end."""
    if reason := _unwritable(wanted, at):
        where = f"{shown_path(at)}: " if at else ""
        raise NotEditable(f"{where}{reason}")
    if isinstance(wanted, list):
        for number, value in enumerate(wanted):
            check_possible(value, (*at, number))
    elif isinstance(wanted, Mapping):
        for key, value in wanted.items():
            if reason := _unwritable_key(key):
                raise NotEditable(f"{shown_path((*at, key))}: {reason}")
            check_possible(value, (*at, key))


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
