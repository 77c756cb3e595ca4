"""From what a door was asked for to runs, one per config, and an exit code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from qbm import __version__
from qbm.config import Commands, Config, Found, InvalidConfigError, Problem, State, find, load
from qbm.config.others import OtherConfigs
from qbm.engine.request import Mode, RunReport, RunRequest
from qbm.errors import Interrupted, QbmError, StoreError, UsageError
from qbm.log.logger import FileSettings, Log
from qbm.model.command import CommandName
from qbm.service.jobs import Read, announce

Choose: TypeAlias = Callable[[Commands | None], tuple[CommandName, ...]]
"""The commands of a run, given the config's ``commands`` section (None without one)."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a program is asked from: its variables, its own folder, and whether in a container.

    ``file_flag`` is what names a config file at this door, for texts.
    """

    environ: Mapping[str, str]
    program_dir: Path | None
    file_flag: str
    in_container: bool


class Order(Struct, frozen=True, kw_only=True):
    """What a door was asked for. ``config_dir`` None means: by ``config_file`` alone.

    ``passed_over`` is a file that was named although a folder was; ``log_file`` gives the log
    file in a state folder. ``older_than_days`` and ``is_partly`` are as in ``RunRequest``.
    """

    place: Place
    config_file: str
    config_dir: Path | None
    choose: Choose
    hashes: tuple[str, ...] = ()
    mode: Mode = Mode.REAL
    warns_of_version: bool = True
    skip_cleanup: bool = False
    older_than_days: int = 0
    is_partly: bool = False
    passed_over: str = ""
    log_file: Callable[[Path], FileSettings]


class Job(Struct, frozen=True, kw_only=True):
    """One config's run, ready to be carried out; ``path`` is the config's file.

    ``others`` are the configs beside it, whether they are to be run as well or not.
    """

    path: Path
    others: OtherConfigs
    config: Config
    request: RunRequest


class Ended(Struct, frozen=True, kw_only=True):
    """What came of one config: a report, or the error that kept it from having one.

    Neither, if there was nothing to do. ``path`` is the config's file, ``server`` the address
    that it names.
    """

    config_file: str
    path: Path
    server: str
    report: RunReport | None = None
    error: str = ""
    exit_code: int = 0


class Performed(Struct, frozen=True, kw_only=True):
    """What came of an order. ``error`` is about the order as a whole: nothing was run then."""

    exit_code: int
    ended: tuple[Ended, ...] = ()
    error: str = ""


RunAll: TypeAlias = Callable[[Sequence[Job], State, FilteringBoundLogger], Sequence[Ended]]
"""Carries out jobs, given the state folder and the log; ``bootstrap`` has one."""
RunOne: TypeAlias = Callable[[Job], Awaitable[RunReport]]


def perform(order: Order, log: Log, run_all: RunAll) -> Performed:
    """Carry out an order; whatever goes wrong ends in the log and in the exit code."""
    try:
        return _performed(order, log, run_all)
    except QbmError as error:
        return refused(error, log)
    except Exception as error:  # noqa: BLE001 - the last border: a user gets no traceback
        return crashed(error, log)


def refused(error: QbmError, log: Log) -> Performed:
    """What comes of an order that cannot be carried out; the log tells why."""
    _say(error, log.logger)
    return Performed(exit_code=error.exit_code, error=log.redactor.clean(str(error)))


def crashed(error: Exception, log: Log) -> Performed:
    """What comes of an order that a fault of ours ended; the log has the details."""
    text = _crash(error, log.file)
    log.logger.critical("crashed", text=text, exc_info=error)
    return Performed(exit_code=1, error=log.redactor.clean(text))


def _performed(order: Order, log: Log, run_all: RunAll) -> Performed:
    environ = order.place.environ
    found = find(
        order.config_file,
        order.config_dir,
        in_container=order.place.in_container,
        program_dir=order.place.program_dir,
        file_flag=order.place.file_flag,
    )
    state = found.state(environ)
    log.write_to(order.log_file(state.folder))
    if order.passed_over and any(path.name != order.passed_over for path in found.paths):
        log.logger.warning("warning", text=_all_are_meant(order, found))
    if found.overlooked:
        log.logger.warning("warning", text=_is_elsewhere(found))
    jobs = _jobs(order, found, log)
    ended = tuple(run_all(jobs, state, log.logger))
    return Performed(exit_code=max(each.exit_code for each in ended), ended=ended)


def _jobs(order: Order, found: Found, log: Log) -> list[Job]:
    """A job per config, once all of them are found to be right.

    Raises:
        InvalidConfigError: any is wrong; has the problems of all.
        UsageError: no config is given anything to do.
    """
    problems: list[Problem] = []
    jobs: list[Job] = []
    for path in found.paths:
        loaded = load(path, order.place.environ)
        commands = order.choose(loaded.commands)
        loaded = loaded.for_commands(commands)
        problems += loaded.problems
        for warning in loaded.warnings:
            log.logger.warning("warning", text=str(warning))
        if loaded.config is not None:
            log.redactor.learn(loaded.config.secrets())
            others = OtherConfigs(path, order.place.environ, log.redactor.learn)
            jobs.append(_job(order, others, loaded.config, commands))
    if problems:
        raise InvalidConfigError(problems)
    if not any(job.request.commands for job in jobs):
        raise UsageError(_nothing_asked(found))
    return jobs


def _job(
    order: Order, others: OtherConfigs, config: Config, commands: tuple[CommandName, ...]
) -> Job:
    section, path = config.commands or Commands(), others.path
    return Job(
        path=path,
        others=others,
        config=config,
        request=RunRequest(
            config_file=path.name,
            commands=commands,
            hashes=order.hashes,
            mode=Mode.DRY if section.dry_run else order.mode,
            skip_cleanup=order.skip_cleanup or section.skip_cleanup,
            warns_of_version=order.warns_of_version and not section.skip_qb_version_check,
            older_than_days=order.older_than_days,
            is_partly=order.is_partly,
        ),
    )


def _all_are_meant(order: Order, found: Found) -> str:
    files = ", ".join(path.name for path in found.paths)
    return (
        f"--config-dir means all configs in {found.folder} ({files}), so "
        f"{order.place.file_flag} {order.passed_over} is not looked at."
    )


def _is_elsewhere(found: Found) -> str:
    taken = ", ".join(map(str, found.paths))
    here = ", ".join(map(str, found.overlooked))
    return (
        f"{taken} is used, not {here} of the current folder: a name alone is looked for in the "
        f"usual folders. -c ./{found.overlooked[0].name} means the one here."
    )


def _nothing_asked(found: Found) -> str:
    files = ", ".join(path.name for path in found.paths)
    return (
        f"Nothing to do: no command was asked for, and none is on under commands: in {files}. "
        "Name one, such as cat_update or tag_update."
    )


async def run_each(
    jobs: Sequence[Job], run_one: RunOne, log: FilteringBoundLogger
) -> tuple[Ended, ...]:
    """The jobs in turn; a server that fails does not keep the others back.

    A wish to stop does, and a state folder that cannot be used: a run that could not be written
    down would only make the next one wait for it.
    """
    ended: list[Ended] = []
    for place, job in enumerate(jobs):
        try:
            ended.append(await _ended(job, run_one, log))
        except QbmError as error:
            _say(error, log)
            ended.append(_failed(job, str(error), error.exit_code))
            if isinstance(error, StoreError):
                ended += [_not_run(each, log) for each in jobs[place + 1 :]]
            if isinstance(error, StoreError | Interrupted):
                break
    return tuple(ended)


async def _ended(job: Job, run_one: RunOne, log: FilteringBoundLogger) -> Ended:
    """What comes of a job; raises QbmError if its run fails."""
    config_file, server = job.request.config_file, job.config.qbt.host
    if not job.request.commands:
        log.warning("warning", text=f"{config_file}: no command is on, so nothing is done there.")
        return Ended(config_file=config_file, path=job.path, server=server)
    announce(Read(job.path, job.config, ()), job.request, log)
    report = await run_one(job)
    return Ended(
        config_file=config_file,
        path=job.path,
        server=server,
        report=report,
        exit_code=report.exit_code,
    )


def _failed(job: Job, error: str, exit_code: int) -> Ended:
    return Ended(
        config_file=job.request.config_file,
        path=job.path,
        server=job.config.qbt.host,
        error=error,
        exit_code=exit_code,
    )


def _not_run(job: Job, log: FilteringBoundLogger) -> Ended:
    text = f"{job.request.config_file} was not run: it shares the state folder."
    log.error("failed", text=text)
    return _failed(job, text, StoreError.exit_code)


def _say(error: QbmError, log: FilteringBoundLogger) -> None:
    for line in str(error).splitlines():
        log.error("failed", text=line)
    if isinstance(error, InvalidConfigError):
        log.error("failed", text="Nothing was done. Mend the config, then run again.")


def _crash(error: Exception, log_file: Path | None) -> str:
    where = f"{log_file} has the details" if log_file else "Run it with --debug for the details"
    return (
        f"A fault in qbm {__version__}: {type(error).__name__}: {error}. {where}; "
        "please report it with them."
    )
