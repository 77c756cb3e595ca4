"""What a door is asked for when it is to serve: the Web API, until a signal ends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from qbm.cli.doors import configs_of, file_settings
from qbm.cli.parsing import Read
from qbm.cli.running import Place, crashed, refused
from qbm.errors import QbmError
from qbm.log.logger import FileSettings, Log
from qbm.log.records import Level


class ServeOrder(Struct, frozen=True, kw_only=True):
    """A server that is asked for. ``config_dir`` None means: the folder of ``config_file``.

    ``level`` is the log's usual one; ``log_file`` gives the log file in a state folder.
    """

    place: Place
    config_file: str
    config_dir: Path | None
    host: str
    port: int
    base_url: str
    schedule: str
    is_dry: bool
    level: Level
    log_file: Callable[[Path], FileSettings]


Serve: TypeAlias = Callable[[ServeOrder, Log], int]
"""Serves until it is told to end, and answers the exit code; ``bootstrap`` has one."""


def serve_order(read: Read, place: Place, level: Level) -> ServeOrder:
    """What the arguments ask for."""
    arguments = read.arguments
    config_file, config_dir = configs_of(read)
    return ServeOrder(
        place=place,
        config_file=config_file,
        config_dir=config_dir,
        host=arguments.host,
        port=arguments.port,
        base_url=arguments.base_url,
        schedule=arguments.schedule,
        is_dry=arguments.dry_run,
        level=level,
        log_file=file_settings(arguments),
    )


def served(order: ServeOrder, log: Log, serve: Serve) -> int:
    """Serve; whatever goes wrong ends in the log and in the exit code."""
    try:
        return serve(order, log)
    except QbmError as error:
        return refused(error, log).exit_code
    except Exception as error:  # noqa: BLE001 - the last border: a user gets no traceback
        return crashed(error, log).exit_code
