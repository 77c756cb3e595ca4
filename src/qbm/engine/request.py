"""What a run is asked to do, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from qbm.model.command import CommandName
from qbm.model.plan import Applied, Outcome, Plan, Planned, Refused, Stale
from qbm.model.torrent import TorrentHash
from qbm.store import Trigger


class Mode(StrEnum):
    """Whether a run changes the server. Looked at in one place: ``engine.run``."""

    REAL = "real"
    DRY = "dry"


class RunRequest(Struct, frozen=True, kw_only=True):
    """One config's run. ``hashes`` are as the caller wrote them; none means all torrents.

    ``warns_of_version`` is False for those who do not want to hear that their qBittorrent is
    one that no test has seen. ``older_than_days`` is for ``cleanup_dirs`` that was asked for by
    name: what has been in the recycle bin for longer goes, whatever the config says. For
    ``restore``, ``hashes`` name torrents and the paths of orphans, and ``is_partly`` has torrents
    restored of which some files are lost.
    """

    config_file: str
    commands: tuple[CommandName, ...]
    hashes: tuple[str, ...] = ()
    mode: Mode = Mode.REAL
    trigger: Trigger = Trigger.CLI
    skip_cleanup: bool = False
    warns_of_version: bool = True
    older_than_days: int = 0
    is_partly: bool = False


class Concluded(Struct, frozen=True):
    """A planned change and what came of it."""

    planned: Planned
    outcome: Outcome


class RunReport(Struct, frozen=True, kw_only=True):
    """A run from end to end. In a dry run nothing is concluded and ``stats`` foretell.

    ``stats`` are sums over all attempts, the rest is about the last one. ``executed``
    are the commands that ran and were not refused.
    ``names`` gives the name of each torrent that ``plan`` speaks of; ``seconds`` is how long
    it took.
    """

    run_id: str
    config_file: str
    mode: Mode
    executed: tuple[CommandName, ...]
    plan: Plan
    concluded: tuple[Concluded, ...]
    refused: tuple[Refused, ...]
    warnings: tuple[str, ...]
    stats: Mapping[str, int]
    names: Mapping[TorrentHash, str]
    torrents: int
    seconds: float

    @property
    def exit_code(self) -> int:
        """What a command line ends with."""
        return 0 if self.is_whole else 1

    @property
    def is_whole(self) -> bool:
        """Everything that was planned was done, and no command was refused."""
        return not self.refused and all(
            isinstance(each.outcome, Applied | Stale) for each in self.concluded
        )
