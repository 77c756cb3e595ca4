"""``qbm run``, ``plan``, ``bin empty`` and ``serve``: from what was asked to runs and an answer."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from qbm.cli.answers import as_document
from qbm.cli.arguments import Arguments
from qbm.cli.doors import (
    clone_of,
    configs_of,
    file_settings,
    is_in_container,
    level_of,
    open_log,
)
from qbm.cli.parsing import Read, read
from qbm.cli.preview import LeftAlone, Page, left_alone_counted, left_alone_listed, preview
from qbm.cli.running import Order, Performed, Place, perform, refused
from qbm.cli.serving import serve_order, served
from qbm.cli.terminal import Asked, Given
from qbm.config import Commands
from qbm.engine.report import sized
from qbm.engine.request import Mode
from qbm.errors import UsageError
from qbm.log.logger import Log, is_terminal
from qbm.log.records import as_plain_text, as_stamped_text
from qbm.log.wording import number_of
from qbm.model.change import DeleteFile
from qbm.model.command import CommandName

_TOLD_BY_TABLE: Final = frozenset(
    {"run_started", "dry_run", "would_change", "deferred", "notice", "run_ended"},
)
_PIPED_SIZE: Final = (100, 24)


def run(asked: Asked, given: Given) -> int:
    """Run, and answer the exit code; the log tells the rest, and ``--json`` all of it."""
    performed, log = _performed(asked, given, hidden=())
    if asked.as_json:
        _print_json(performed, log)
    return performed.exit_code


def plan(asked: Asked, given: Given) -> int:
    """Plan, print the plan, and answer the exit code."""
    performed, log = _performed(asked, given, hidden=_TOLD_BY_TABLE)
    if asked.as_json:
        _print_json(performed, log)
    else:
        left_alone = left_alone_listed if asked.lists_all else left_alone_counted
        _print_table(performed, log, given.environ, left_alone)
    return performed.exit_code


def empty(asked: Asked, given: Given, *, is_sure: bool) -> int:
    """Empty the recycle bin, and answer the exit code; unless ``is_sure``, somebody is asked."""
    if asked.is_dry:
        return plan(asked, given)
    if is_sure:
        return run(asked, given)
    if not sys.stdin.isatty():
        text = "Nobody is there to be asked: --yes deletes the files, --dry-run only shows them."
        log = open_log(Arguments(), as_plain_text, sys.stderr, given.environ)
        return refused(UsageError(text), log).exit_code
    performed, _ = _performed(replace(asked, is_dry=True), given, hidden=_TOLD_BY_TABLE)
    if performed.exit_code or not (due := _to_be_deleted(performed)):
        sys.stderr.write("" if performed.exit_code else "Nothing to delete.\n")
        return performed.exit_code
    size = sized(sum(each.stamp.size for each in due))
    sys.stderr.write(f"Delete {number_of('files', len(due))} ({size}) for good? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        sys.stderr.write("Nothing was deleted.\n")
        return 0
    return run(asked, given)


def _to_be_deleted(performed: Performed) -> list[DeleteFile]:
    reports = (each.report for each in performed.ended if each.report is not None)
    changes = (planned.change for report in reports for planned in report.plan.planned)
    return [each for each in changes if isinstance(each, DeleteFile)]


def _performed(asked: Asked, given: Given, hidden: Collection[str]) -> tuple[Performed, Log]:
    """What came of it, and the log, which is closed but still knows the secrets."""
    try:
        words = read(_flags(asked), given.environ)
        place = _place(given)
    except UsageError as error:
        log = open_log(Arguments(), as_plain_text, sys.stderr, given.environ)
        return refused(error, log), log
    log = open_log(words.arguments, as_plain_text, sys.stderr, given.environ, hidden)
    try:
        return perform(_order(asked, words, place), log, given.run_all), log
    finally:
        log.close()


def serve(flags: Sequence[str], given: Given) -> int:
    """Serve until a signal, and answer the exit code; ``flags`` are the classic door's."""
    try:
        words = read(flags, given.environ)
        place = _place(given)
    except UsageError as error:
        return refused(
            error, open_log(Arguments(), as_plain_text, sys.stderr, given.environ)
        ).exit_code
    log = open_log(words.arguments, as_stamped_text, sys.stderr, given.environ)
    try:
        return served(serve_order(words, place, level_of(words.arguments)), log, given.serve)
    finally:
        log.close()


def _place(given: Given) -> Place:
    return Place(
        environ=given.environ,
        program_dir=clone_of(given.program_dir),
        file_flag="--config",
        in_container=is_in_container(given.environ),
    )


def _flags(asked: Asked) -> list[str]:
    """The same in the classic door's words, so that flags beat variables in the same way."""
    return [
        *([f"--config-file={asked.config_file}"] if asked.config_file else []),
        *([f"--config-dir={asked.config_dir}"] if asked.config_dir else []),
        *(["--dry-run"] if asked.is_dry else []),
        *([f"--log-level={asked.log_level}"] if asked.log_level else []),
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
        skip_cleanup=arguments.arguments.skip_cleanup,
        older_than_days=asked.older_than_days,
        is_partly=asked.is_partly,
        log_file=file_settings(arguments.arguments),
    )


def _print_json(performed: Performed, log: Log) -> None:
    sys.stdout.write(as_document(performed, log.redactor.clean))
    sys.stdout.flush()


def _print_table(
    performed: Performed, log: Log, environ: Mapping[str, str], left_alone: LeftAlone
) -> None:
    page = Page(
        width=shutil.get_terminal_size(_PIPED_SIZE).columns,
        is_terminal=is_terminal(sys.stdout, environ),
        clean=log.redactor.clean,
    )
    for line in preview(performed, page, left_alone):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
