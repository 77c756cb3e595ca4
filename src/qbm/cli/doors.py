"""What both doors do alike with what they were given."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final, TextIO

from qbm.cli.arguments import Arguments, boolean
from qbm.cli.parsing import Read
from qbm.errors import UsageError
from qbm.log.logger import FileSettings, Log, is_terminal
from qbm.log.records import Layout, Level, as_json, as_stamped_text
from qbm.log.sinks import Screen

_SCRIPT: Final = "qbit_manage.py"
_CONTAINER_MARKS: Final = ("/.dockerenv", "/run/.containerenv")


def is_in_container(environ: Mapping[str, str]) -> bool:
    """Whether this is a container; ``QBM_DOCKER`` says so where nothing else does.

    Raises:
        UsageError: ``QBM_DOCKER`` is neither true nor false.
    """
    said = environ.get("QBM_DOCKER", "").strip()
    if not said:
        return any(Path(mark).exists() for mark in _CONTAINER_MARKS)
    try:
        return boolean(said)
    except ValueError as error:
        raise UsageError(f"QBM_DOCKER: {said!r} is wrong. Allowed: {error}.") from error


def clone_of(program_dir: Path) -> Path | None:
    """The clone that the program runs from, None if it was installed without one.

    Its script lies in the folder of the program, around the virtual environment, or around
    the sources of an editable install.
    """
    folders = (program_dir, program_dir.parent.parent, Path(__file__).parents[3])
    return next((each for each in folders if (each / _SCRIPT).is_file()), None)


def configs_of(read: Read) -> tuple[str, Path | None]:
    """The config file or pattern, and the folder whose configs are all meant (None: by name).

    A file named by flag is looked for in a folder that only a variable names.
    """
    arguments = read.arguments
    folder = Path(arguments.config_dir) if arguments.config_dir else None
    names_one = "config_file" in read.by_flag and "config_dir" not in read.by_flag
    if folder is None or not names_one:
        return arguments.config_file, folder
    return str(folder / arguments.config_file), None


def open_log(
    arguments: Arguments,
    layout: Callable[[int], Layout],
    stream: TextIO,
    environ: Mapping[str, str],
    hidden: Collection[str] = (),
) -> Log:
    """A log that shows on ``stream`` what the arguments ask for, in text by ``layout``.

    Events in ``hidden`` only go to the file.
    """
    level = level_of(arguments)
    shows_colours = is_terminal(stream, environ) and arguments.log_format == "text"
    width = arguments.width or (shutil.get_terminal_size().columns if stream.isatty() else 0)
    shown = as_json if arguments.log_format == "json" else layout(width)
    screen = Screen(stream, level, shown, is_terminal=shows_colours, hidden=hidden)
    return Log(level, screen)


def file_settings(arguments: Arguments) -> Callable[[Path], FileSettings]:
    """The log file that the arguments ask for, given the state folder."""
    is_json = arguments.log_format == "json"
    layout = as_json if is_json else as_stamped_text(arguments.width)

    def settings(state_dir: Path) -> FileSettings:
        return FileSettings(
            path=state_dir / "logs" / arguments.log_file,
            layout=layout,
            size=arguments.log_size,
            count=arguments.log_count,
        )

    return settings


def level_of(arguments: Arguments) -> Level:
    """The log level that the arguments ask for."""
    if arguments.trace:
        return Level.TRACE
    return Level.DEBUG if arguments.debug else Level[arguments.log_level]
