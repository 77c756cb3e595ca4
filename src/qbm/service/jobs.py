"""From a config file's name to a run that can be carried out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from qbm import __version__
from qbm.config import Config, InvalidConfigError, Problem, load
from qbm.engine.request import Mode, RunRequest
from qbm.model.command import CommandName
from qbm.store import Run


class Read(Struct, frozen=True):
    """A config that is right for the commands asked for, and what is doubtful about it."""

    path: Path
    config: Config
    warnings: tuple[Problem, ...]

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret that the config holds, for the log to hide."""
        return frozenset(self.config.secrets())


def read_each(
    paths: Sequence[Path], commands: Collection[CommandName], environ: Mapping[str, str]
) -> list[Read]:
    """The configs at ``paths``, each as far as it concerns ``commands``.

    Raises:
        InvalidConfigError: any is wrong; has the problems of all.
    """
    problems: list[Problem] = []
    configs: list[Read] = []
    for path in paths:
        loaded = load(path, environ).for_commands(commands)
        problems += loaded.problems
        if loaded.config is not None:
            configs.append(Read(path, loaded.config, loaded.warnings))
    if problems:
        raise InvalidConfigError(problems)
    return configs


def read_all(
    paths: Sequence[Path], commands: Collection[CommandName], environ: Mapping[str, str]
) -> tuple[list[Read], Mapping[Path, InvalidConfigError]]:
    """The configs that are right, and what is wrong with the others, by their paths.

    Raises:
        InvalidConfigError: none is right; has the problems of all.
    """
    configs: list[Read] = []
    wrong: dict[Path, InvalidConfigError] = {}
    for path in paths:
        try:
            configs += read_each([path], commands, environ)
        except InvalidConfigError as error:
            wrong[path] = error
    if not configs:
        raise InvalidConfigError([problem for each in wrong.values() for problem in each.problems])
    return configs, wrong


def request_for(run: Run) -> RunRequest:
    """What the engine is asked for, when a run of the store is carried out."""
    return RunRequest(
        config_file=run.config_file,
        commands=run.commands,
        hashes=run.hashes or (),
        mode=Mode.DRY if run.dry_run else Mode.REAL,
        trigger=run.trigger,
        skip_cleanup=run.skip_cleanup,
        older_than_days=run.older_than_days,
        is_partly=run.is_partly,
        warns_of_version=run.warns_of_version,
    )


def announce(read: Read, request: RunRequest, log: FilteringBoundLogger) -> None:
    """Tell the log that a run begins, of which config, and whether it is dry."""
    log.info(
        "run_started",
        version=__version__,
        config_file=request.config_file,
        config_path=str(read.path),
        server=read.config.qbt.host,
        commands=request.commands,
        mode=request.mode,
    )
    if request.mode is Mode.DRY:
        log.info("dry_run")
