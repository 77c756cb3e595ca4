"""A problem of a config file: where it stands, what is wrong, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from qbm.errors import ConfigError
from qbm.model.tracker import without_passkey

_LONGEST_NAME = 80
_WITH_SECRETS = frozenset({"tracker", "apprise", "notifiarr", "webhooks"})
"""Sections in whose keys people put what belongs in their values."""
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\s]*)(.*)", re.DOTALL)


class Mark(NamedTuple):
    """A place in a file, counted from 1 as editors do."""

    line: int
    column: int


class Kind(StrEnum):
    """What sort of problem it is, for programs."""

    UNREADABLE = "unreadable"
    """The file cannot be read, or is no YAML."""
    VALUE = "value"
    MISSING = "missing"
    """A key that every config must have."""
    NEEDED = "needed"
    """A key that a command must have."""
    UNKNOWN_KEY = "unknown_key"
    UNSET_VARIABLE = "unset_variable"
    LEGACY = "legacy"
    """A way of older files, which still works."""
    DOUBTFUL = "doubtful"
    """Nothing is wrong, but it may not be what is meant."""


class Problem(Struct, frozen=True):
    """One thing that is wrong, or doubtful if it is a warning; holds no value of the file.

    ``line`` and ``column`` are 0 where the file as a whole is meant; ``path`` is like
    ``share_limits.noHL.max_ratio``, "" for the whole; ``allowed`` may be "".
    """

    file: str
    line: int
    column: int
    path: str
    reason: str
    allowed: str = ""
    kind: Kind = Kind.VALUE

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        where = f"{place}: {self.path}" if self.path else place
        return f"{where}: {self.reason}" + (f" (allowed: {self.allowed})" if self.allowed else "")


class InvalidConfigError(ConfigError):
    """A config file cannot be used; ``problems`` has every reason, with its place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def shown_path(keys: Iterable[str | int]) -> str:
    """A path as text: control characters escaped, no passkey, and of an address its host alone."""
    keys = tuple(keys)
    may_be_secret = bool(keys) and keys[0] in _WITH_SECRETS
    return ".".join(_shown(str(key), may_be_secret=may_be_secret) for key in keys)


def printable(text: str) -> str:
    """A name from a file on one line: control characters escaped, cut if it is very long."""
    escaped = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    return escaped if len(escaped) <= _LONGEST_NAME else f"{escaped[:_LONGEST_NAME]}…"


def _shown(key: str, *, may_be_secret: bool) -> str:
    key = _ADDRESS.sub(_host_alone, key)
    return printable(without_passkey(key) if may_be_secret else key)


def _host_alone(address: re.Match[str]) -> str:
    """What follows the host can be a token; so can all of an address that is not of the web."""
    scheme, host, beyond = address.groups()
    if scheme.lower() not in ("http", "https"):
        return f"{scheme}://…"
    return f"{scheme}://{host.rpartition('@')[2]}{'/…' if beyond else ''}"
