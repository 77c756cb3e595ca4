"""Which config files a run means (spec: config.md, and -c and -cd of cli.md)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import platformdirs
from msgspec import Struct

from qbm.config.problem import printable
from qbm.errors import ConfigError

SAMPLE = Path(__file__).with_name("sample.yml")
"""A small config with comments, to start from."""

CONTAINER_FOLDER = Path("/config")
_DATABASE = "qbm.db"
_NO_PATHS: tuple[Path, ...] = ()

SUFFIXES = frozenset({".yml", ".yaml"})
"""Of configs, in lower case."""
_RESERVED = frozenset(
    ("qbm_settings", "schedule", "secrets", "credentials", "auth", "keys", "passwords")
)
"""Files that lie beside configs and are none, without their suffix."""


class State(Struct, frozen=True):
    """Where the program keeps what outlives a run: a folder, and its database's file."""

    folder: Path
    database: Path


class Found(Struct, frozen=True):
    """The config files, by name, and their folder; state lies there too.

    ``overlooked`` has the files of the same name in the current folder, which were not meant.
    """

    paths: tuple[Path, ...]
    folder: Path
    overlooked: tuple[Path, ...] = ()

    def state(self, environ: Mapping[str, str]) -> State:
        """Where the state lives: beside the configs, unless ``environ`` says otherwise.

        ``QBM_STATE_DIR`` moves all of it, ``QBM_DATABASE_URL`` the database.

        Raises:
            ConfigError: that URL is of a kind of database that cannot be used.
        """
        elsewhere = environ.get("QBM_STATE_DIR", "").strip()
        folder = _expanded(elsewhere) if elsewhere else self.folder
        url = environ.get("QBM_DATABASE_URL", "").strip()
        return State(folder, _database(url) if url else folder / _DATABASE)


def _database(url: str) -> Path:
    scheme, separator, path = url.partition(":///")
    if scheme != "sqlite" or not separator or not path:
        raise ConfigError(
            "QBM_DATABASE_URL: this version keeps its state in SQLite only, as in "
            "sqlite:////var/lib/qbm/qbm.db; another kind of database comes later."
        )
    return Path(path)


def find(
    config_file: str,
    config_dir: Path | None,
    *,
    in_container: bool,
    program_dir: Path | None,
    file_flag: str,
    container_folder: Path = CONTAINER_FOLDER,
) -> Found:
    """The configs that these flags mean; raises ConfigError if there is none.

    ``config_dir`` means all configs in it; else ``config_file`` is a name or a pattern with
    ``*``, with a folder, or looked for in the usual ones. ``program_dir`` is the folder of
    the program's own script, None if it has none. ``file_flag`` is what names a file at the
    door that asks.
    """
    if config_dir is not None:
        return _all_in(_expanded(str(config_dir)), file_flag)
    asked = _expanded(config_file)
    if not asked.name:
        raise ConfigError(f"No config file is named: {file_flag} (QBT_CONFIG) is empty.")
    if "*" in str(asked.parent):
        raise ConfigError(
            f"{config_file}: a * may stand in the file's name, not in its folder's. "
            "--config-dir (QBT_CONFIG_DIR) names a folder whose configs are all meant."
        )
    if os.path.dirname(config_file):  # noqa: PTH120 - pathlib forgets the ./ of ./config.yml
        usual, here = [asked.parent], _NO_PATHS
    else:
        beside = [] if program_dir is None else [program_dir / "config"]
        platform = platformdirs.user_config_path("qbit-manage", appauthor=False)
        usual, here = [container_folder, *beside, platform], _in_current_folder(asked.name)
    for folder in usual:
        if paths := _named(asked.name, folder):
            return Found(paths, folder.absolute(), _others(here, paths))
    if here:
        raise ConfigError(_only_here(asked.name, usual))
    default = usual[0] if in_container else usual[-1]
    raise ConfigError(_not_found(asked.name, usual, default, file_flag))


def find_folder(
    config_file: str,
    config_dir: Path | None,
    *,
    in_container: bool,
    program_dir: Path | None,
    file_flag: str,
    container_folder: Path = CONTAINER_FOLDER,
) -> tuple[Found, str]:
    """The folder that these flags mean, for a server: it begins without a config as well.

    It is made, with mode 0700, if it is missing. The text says what to do where ``find`` would
    have refused; it is empty if there are configs.

    Raises:
        ConfigError: it is no folder, or cannot be made or read.
    """
    try:
        found = find(
            config_file,
            config_dir,
            in_container=in_container,
            program_dir=program_dir,
            file_flag=file_flag,
            container_folder=container_folder,
        )
    except ConfigError as error:
        asked = _expanded(config_file)
        if config_dir is not None:
            folder = _expanded(str(config_dir))
        elif os.path.dirname(config_file):  # noqa: PTH120 - see find
            folder = asked.parent
        elif in_container:
            folder = container_folder
        else:
            folder = platformdirs.user_config_path("qbit-manage", appauthor=False)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            raise error from None
        return Found((), folder.absolute()), str(error)
    return found, ""


def configs_in(folder: Path) -> tuple[Path, ...]:
    """Every config in a folder, in order; none if it is missing.

    Raises:
        ConfigError: it cannot be read.
    """
    return _configs(folder, re.compile(".*"))


def is_reserved(stem: str) -> bool:
    """Whether a file of this name, without its suffix, lies beside configs and is none."""
    return stem.lower() in _RESERVED


def _in_current_folder(name: str) -> tuple[Path, ...]:
    """What ``./name`` would mean. People expect it, but the spec looks elsewhere."""
    try:
        return _named(name, Path())
    except (ConfigError, FileNotFoundError):
        # A folder that cannot be read or is gone can be stood in; then there is nothing to tell.
        return ()


def _others(paths: Iterable[Path], taken: Iterable[Path]) -> tuple[Path, ...]:
    """The paths that lead to none of the files that were taken."""
    real = {os.path.realpath(path) for path in taken}
    return tuple(path for path in paths if os.path.realpath(path) not in real)


def _all_in(folder: Path, file_flag: str) -> Found:
    if folder.is_file():
        raise ConfigError(
            f"{folder} is a file, and --config-dir (QBT_CONFIG_DIR) names a folder. "
            f"One file is named by {file_flag} (QBT_CONFIG)."
        )
    try:
        # So that whoever reads the message below has a place to put a config.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    if paths := configs_in(folder):
        return Found(paths, folder.absolute())
    raise ConfigError(_not_found("*.yml or *.yaml", [folder], folder, file_flag))


def _named(name: str, folder: Path) -> tuple[Path, ...]:
    """The files of that name or pattern; a name without ``*`` may be a reserved one."""
    if "*" in name:
        return _configs(folder, re.compile(re.escape(name).replace(r"\*", ".*")))
    path = folder / name
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return ()
    except OSError:  # it is there, or so it seems: reading it will tell the reason
        pass
    return (path.absolute(),)


def _configs(folder: Path, pattern: re.Pattern[str]) -> tuple[Path, ...]:
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise ConfigError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    return tuple(
        path.absolute()
        for path in paths
        if pattern.fullmatch(path.name)
        and path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and not is_reserved(path.stem)
        and path.is_file()
    )


def _only_here(name: str, folders: Iterable[Path]) -> str:
    looked = ", ".join(str(folder.absolute()) for folder in folders)
    return (
        f"There is no config file {printable(name)} in {looked}. There is one in the current "
        f"folder, which is not looked at by itself: -c ./{printable(name)} means it."
    )


def _not_found(name: str, folders: Iterable[Path], default: Path, file_flag: str) -> str:
    folders = [folder.absolute() for folder in folders]
    there = [
        f"{folder}{os.sep}{printable(path.name)}"
        for folder in folders
        for path in configs_in(folder)
    ]
    return " ".join(
        (
            f"There is no config file {printable(name)} in {', '.join(map(str, folders))}.",
            *([f"But there is {', '.join(there)}."] if there else []),
            f"Write one in {default.absolute()}, starting from what `qbm config sample` prints",
            f"({SAMPLE}; docs/reference/config.md has every key),",
            f"or name another with {file_flag} (QBT_CONFIG), or its folder with --config-dir",
            "(QBT_CONFIG_DIR).",
        )
    )


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises for an unknown ~name
