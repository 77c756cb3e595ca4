"""``python qbit_manage.py``: from the flags and variables to runs, or to a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from qbm.cli.arguments import OPTIONS
from qbm.cli.doors import (
    clone_of,
    configs_of,
    file_settings,
    is_in_container,
    level_of,
    open_log,
)
from qbm.cli.parsing import Read
from qbm.cli.running import Order, Place, RunAll, perform
from qbm.cli.serving import Serve, serve_order, served
from qbm.config import Commands
from qbm.engine.request import Mode
from qbm.log.records import as_stamped_text
from qbm.model.command import COMMANDS, CommandName

_NO_SCHEDULE: Final = (
    "Nothing runs by itself yet: the scheduler comes with a later version. Ask for runs through "
    "the Web API (POST /api/run-command), or start --run from cron."
)


def run(asked: Read, environ: Mapping[str, str], program_dir: Path, run_all: RunAll) -> int:
    """Run once, and answer the exit code."""
    log = open_log(asked.arguments, as_stamped_text, sys.stderr, environ)
    try:
        for text in warnings(asked):
            log.logger.warning("warning", text=text)
        return perform(_order(asked, _place(environ, program_dir)), log, run_all).exit_code
    finally:
        log.close()


def serve(asked: Read, environ: Mapping[str, str], program_dir: Path, server: Serve) -> int:
    """Serve until a signal, and answer the exit code."""
    log = open_log(asked.arguments, as_stamped_text, sys.stderr, environ)
    try:
        for text in (*warnings(asked), _NO_SCHEDULE):
            log.logger.warning("warning", text=text)
        order = serve_order(asked, _place(environ, program_dir), level_of(asked.arguments))
        return served(order, log, server)
    finally:
        log.close()


def _place(environ: Mapping[str, str], program_dir: Path) -> Place:
    return Place(
        environ=environ,
        program_dir=clone_of(program_dir),
        file_flag="--config-file",
        in_container=is_in_container(environ),
    )


def _order(asked: Read, place: Place) -> Order:
    arguments = asked.arguments
    config_file, config_dir = configs_of(asked)
    flagged = tuple(name for name in COMMANDS if getattr(arguments, name))

    def choose(section: Commands | None) -> tuple[CommandName, ...]:
        """The section replaces the flags (spec: config.md, ``commands.*``)."""
        return flagged if section is None else section.names

    return Order(
        place=place,
        config_file=config_file,
        config_dir=config_dir,
        passed_over=config_file if config_dir and "config_file" in asked.by_flag else "",
        choose=choose,
        mode=Mode.DRY if arguments.dry_run else Mode.REAL,
        warns_of_version=not arguments.skip_qb_version_check,
        skip_cleanup=arguments.skip_cleanup,
        log_file=file_settings(arguments),
    )


def warnings(asked: Read) -> Iterator[str]:
    """What the user should know about the arguments, although they are right."""
    yield from asked.warnings
    spelled = asked.spelled
    later = [option for option in OPTIONS if option.flag.later and option.name in spelled]
    if later:
        given = ", ".join(spelled[option.name] for option in later)
        features = " and ".join(dict.fromkeys(option.flag.later for option in later))
        yield f"{given}: without effect now; {features} will come with a later version."
