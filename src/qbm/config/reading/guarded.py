"""The program's own files, which no config may read: settings, database, log, backups."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from qbm.config.finding import SUFFIXES, Found, State, is_reserved
from qbm.errors import ConfigError

_FOLDERS = (".backups", "logs")
_FILES = frozenset({"server.json"})


def is_guarded(path: Path, folder: Path, environ: Mapping[str, str]) -> bool:
    """Whether ``path``, links followed, is a file of the program beside the configs of ``folder``.

    A path that leads nowhere is none.
    """
    state = _state(folder, environ)
    try:
        real = Path(os.path.realpath(path))
    except ValueError:  # a NUL byte in it
        return False
    return any(
        _is_own_in(real, each, state.database.name)
        for each in dict.fromkeys((folder, state.folder, state.database.parent))
    )


def _state(folder: Path, environ: Mapping[str, str]) -> State:
    found = Found((), folder)
    try:
        return found.state(environ)
    except ConfigError:  # a database of another kind; nothing runs, then
        return found.state({**environ, "QBM_DATABASE_URL": ""})


def _is_own_in(real: Path, folder: Path, database: str) -> bool:
    if any(real.is_relative_to(os.path.realpath(folder / each)) for each in _FOLDERS):
        return True
    if os.path.realpath(folder) == str(real.parent) and _is_own_name(real.name, database):
        return True
    own = (path for path in _entries(folder) if _is_own_name(path.name, database))
    return any(_is_same(real, path) for path in own)


def _is_own_name(name: str, database: str) -> bool:
    """The database's companions, such as its log, have its name with more behind."""
    path = Path(name.lower())
    is_settings = path.suffix in SUFFIXES and is_reserved(path.stem)
    return is_settings or path.name in _FILES or path.name.startswith(database.lower())


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # it is missing, or may not be listed; its files are known by name still
        return []


def _is_same(real: Path, own: Path) -> bool:
    """The same file by another name: what a link leads to, or has as another name."""
    try:
        return real.samefile(own)
    except OSError:
        return False
