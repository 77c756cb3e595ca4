"""Save paths against the entries of ``cat``; lexical only, as the server writes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from fnmatch import fnmatchcase

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def normalised(path: str) -> str:
    """NFC, with forward slashes if it is a Windows path, and without a trailing slash."""
    text = unicodedata.normalize("NFC", path)
    if _DRIVE.match(text):
        text = text.replace("\\", "/")
    return text.rstrip("/") or text[:1]


def candidates(save_path: str, cat: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The categories whose entries cover ``save_path``, in file order, each with its entry.

    An entry covers it by being equal, or as a pattern (fnmatch: ``*`` spans folders) tried
    with and without a trailing slash: ``/data/tv/*`` covers ``/data/tv`` and all below.
    """
    path = normalised(save_path)
    found: dict[str, str] = {}
    for category, entries in cat.items():
        entry = next((each for each in entries if _covers(each, path)), None)
        if entry is not None:
            found[category] = entry
    return found


def _covers(entry: str, path: str) -> bool:
    if normalised(entry) == path:
        return True
    pattern = unicodedata.normalize("NFC", entry)
    if _DRIVE.match(pattern):
        pattern = pattern.replace("\\", "/")
    return fnmatchcase(path, pattern) or fnmatchcase(f"{path}/", pattern)


def last_folder(save_path: str) -> str:
    """The name of the innermost folder; "" for a root."""
    return normalised(save_path).rpartition("/")[2].rstrip(":")
