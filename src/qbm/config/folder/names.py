"""Which names may stand for a file in a config folder, whoever sends them.

A name from a request must lie plainly inside the folder (spec: web-api.md): no way out, no
file that is none of the configs, and nothing that another file system takes for either.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from qbm.config.finding import SUFFIXES, is_reserved
from qbm.config.problem import printable
from qbm.config.refusals import NameRefused, NameReserved

LONGEST = 200
"""Bytes of a name; file systems allow 255, and a backup's name is longer than its file's."""

_SEPARATORS = frozenset("/\\:")
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)
"""Names that Windows keeps for itself, with whatever suffix."""


def check_name(name: str) -> None:
    """Raises NameRefused unless ``name`` can be that of a config in the folder."""
    _check_plain(name)
    if "*" in name:
        raise _refused(name, "a * stands for several files, and one is wanted here")
    stem, suffix = suffix_of(_folded(name))
    if suffix not in SUFFIXES or not stem.strip():
        raise _refused(name, "the name of a config ends with .yml or .yaml")
    if name.startswith(".") or stem.startswith("."):
        raise _refused(name, "a name with a dot at its beginning is hidden")
    if is_reserved(stem.strip()):
        raise NameReserved(f"{printable(name)}: this file is no config, and may hold secrets.")
    if stem.partition(".")[0].strip() in _DEVICES:
        raise _refused(name, "Windows takes this name for a device")


def check_pattern(pattern: str) -> None:
    """Raises NameRefused unless ``pattern``, with its ``*``, means names in the folder."""
    _check_plain(pattern)


def fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern with ``*``; the time is bounded by the length of both."""
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    last = others.pop()
    end = len(name) - len(last)
    if not (name.startswith(first) and name.endswith(last) and len(first) <= end):
        return False
    at = len(first)
    for piece in others:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def suffix_of(name: str) -> tuple[str, str]:
    """A name without its suffix, and the suffix with its dot."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, f".{suffix}") if dot else (name, "")


def _folded(name: str) -> str:
    """The name as careless file systems compare it; full-width letters become plain ones."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _check_plain(name: str) -> None:
    if not name or not name.isprintable():
        raise _refused(name, "a name is text without control characters")
    seen = _folded(name)
    if not _SEPARATORS.isdisjoint(name + seen):
        raise _refused(name, "a name has no folder before it, nor a colon")
    if any(pair == (".", ".") for pair in pairwise(seen)):
        raise _refused(name, "a name has no two dots in a row")
    if name.strip() != name or name.endswith("."):
        raise _refused(name, "a name begins and ends with neither space nor dot")
    if len(name.encode()) > LONGEST:
        raise _refused(name, f"a name has at most {LONGEST} bytes")


def _refused(name: str, reason: str) -> NameRefused:
    shown = printable(name) if name else "An empty name"
    return NameRefused(f"{shown}: {reason}; a config of the folder is wanted.")
