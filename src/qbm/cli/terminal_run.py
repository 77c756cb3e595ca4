"""``qbm run`` and ``qbm plan``: from what was asked to runs and an answer."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Collection
from typing import Final

from qbm.cli.answers import as_document
from qbm.cli.doors import configs_of, file_settings, is_in_container, open_log
from qbm.cli.log import Log, is_terminal
from qbm.cli.parsing import Read, read
from qbm.cli.preview import Page, preview
from qbm.cli.records import as_plain_text
from qbm.cli.running import Order, Performed, Place, perform
from qbm.cli.terminal import Asked, Given
from qbm.config import Commands
from qbm.engine.request import Mode
from qbm.errors import UsageError
from qbm.model.command import CommandName

_TOLD_BY_TABLE: Final = frozenset(
    {"run_started", "dry_run", "would_change", "left_alone", "deferred", "notice", "run_ended"},
)
_PIPED_WIDTH: Final = (100, 24)


def run(asked: Asked, given: Given) -> int:
    """Run, and answer the exit code; the log tells the rest, and ``--json`` all of it."""
    return _answered(asked, given, (), _as_json if asked.as_json else _nothing)


def plan(asked: Asked, given: Given) -> int:
    """Plan, print the plan, and answer the exit code."""
    return _answered(asked, given, _TOLD_BY_TABLE, _as_json if asked.as_json else _as_table)


def _answered(
    asked: Asked,
    given: Given,
    hidden: Collection[str],
    answer: Callable[[Performed, Log, Given], None],
) -> int:
    try:
        arguments = read(_flags(asked), given.environ)
        place = Place(
            environ=given.environ,
            program_dir=given.program_dir,
            in_container=is_in_container(given.environ),
        )
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    log = open_log(arguments.arguments, as_plain_text, sys.stderr, given.environ, hidden)
    try:
        performed = perform(_order(asked, arguments, place), log, given.run_all)
    finally:
        log.close()
    answer(performed, log, given)
    return performed.exit_code


def _flags(asked: Asked) -> list[str]:
    """The same in the classic door's words, so that flags beat variables in the same way."""
    return [
        *([f"--config-file={asked.config_file}"] if asked.config_file else []),
        *([f"--config-dir={asked.config_dir}"] if asked.config_dir else []),
        *(["--dry-run"] if asked.is_dry else []),
        *(["--debug"] if asked.debug else []),
    ]


def _order(asked: Asked, arguments: Read, place: Place) -> Order:
    config_file, config_dir = configs_of(arguments)
    named = tuple(CommandName(each) for each in asked.commands)

    def choose(section: Commands | None) -> tuple[CommandName, ...]:
        """Whoever names commands means them; else the config decides."""
        return named or (section.names if section else ())

    return Order(
        place=place,
        config_file=config_file,
        config_dir=config_dir,
        passed_over=asked.config_file if asked.config_dir else "",
        choose=choose,
        hashes=asked.hashes,
        mode=Mode.DRY if arguments.arguments.dry_run else Mode.REAL,
        warns_of_version=not arguments.arguments.skip_qb_version_check,
        log_file=file_settings(arguments.arguments),
    )


def _nothing(_: Performed, __: Log, ___: Given) -> None:
    """The log on standard error has told it."""


def _as_json(performed: Performed, log: Log, _: Given) -> None:
    sys.stdout.write(as_document(performed, log.redactor.clean))
    sys.stdout.flush()


def _as_table(performed: Performed, log: Log, given: Given) -> None:
    page = Page(
        width=shutil.get_terminal_size(_PIPED_WIDTH).columns,
        is_terminal=is_terminal(sys.stdout, given.environ),
        clean=log.redactor.clean,
    )
    for line in preview(performed, page):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
