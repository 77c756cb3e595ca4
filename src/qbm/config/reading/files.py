"""Small text files read with care: they come from people, and may be anything at all."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path

from msgspec import Struct

from qbm.config.problem import Mark


class Refused(Struct, frozen=True):
    """Why a file is not read, and the place in it if there is one."""

    reason: str
    allowed: str = ""
    mark: Mark = Mark(0, 0)


def read_text(path: Path, limit: int) -> str | Refused:
    """The text of a UTF-8 file of at most ``limit`` bytes, or why not. Never waits, never writes.

    A byte order mark is dropped.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return Refused("this is a folder", "a file")
        if not stat.S_ISREG(mode):
            # A pipe would wait for ever, a device would never end.
            return Refused("this is no regular file", "a file")
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except FileNotFoundError:
        return Refused("there is no such file")
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        return Refused(f"it cannot be read: {getattr(error, 'strerror', None) or 'bad path'}")
    if len(raw) > limit:
        return Refused("it is too large", f"at most {limit:,} bytes")
    return _decoded(raw)


def _decoded(raw: bytes) -> str | Refused:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Refused("it is saved as UTF-16", "UTF-8; most editors offer it under Save as")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        return Refused("it is not UTF-8 here", "UTF-8; most editors offer it under Save as", mark)
