"""The rows of the store as values. All times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from qbm.model.command import CommandName
from qbm.model.plan import Planned
from qbm.model.stamp import Stamp
from qbm.model.torrent import TorrentFile


class Trigger(StrEnum):
    """Who asked for a run."""

    CLI = "cli"
    API = "api"
    SCHEDULE = "schedule"
    WATCHER = "watcher"


class RunState(StrEnum):
    """How far a run is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Stopped by its user, or its process died; the next run settles what it left open."""
    REFUSED = "refused"


NOBODY = ""
"""The holder of a queued run while there is no server that attends to it."""

UNFINISHED = frozenset({RunState.WAITING, RunState.RUNNING})


class LeftOut(Struct, frozen=True):
    """A command of a run that was not carried out, and why, in words."""

    command: CommandName
    reason: str


class NewRun(Struct, frozen=True, kw_only=True):
    """A run that is asked for.

    ``server`` is the server's identity (decisions: *A server's identity*), ``holder`` the
    process that will carry the run out (``this_process()``). ``is_queued`` runs outlive it: the
    next server goes on with them. ``hashes`` None means all torrents. ``log_level`` is the
    name of a level in capitals, None for the usual one. ``older_than_days`` is for
    ``cleanup_dirs`` asked for by name, ``is_partly`` for ``restore``.
    """

    server: str
    config_file: str
    trigger: Trigger
    holder: str
    commands: tuple[CommandName, ...]
    hashes: tuple[str, ...] | None = None
    dry_run: bool = False
    is_queued: bool = False
    skip_cleanup: bool = False
    older_than_days: int = 0
    is_partly: bool = False
    warns_of_version: bool = True
    log_level: str | None = None


class Run(Struct, frozen=True, kw_only=True):
    """A run as the store knows it.

    ``arrival`` numbers the runs in the order of their acceptance; ``request_id`` is the id of
    the first run of the same request. ``attempts`` counts how often it was begun. ``stats``
    are the counters of its report; ``skipped_counts`` says how many torrents were left alone,
    per reason code. ``executed`` are the commands that ran, ``refused`` those that a guard
    stopped, ``failed_commands`` those that could not run at all. ``exit_code`` is what the
    command line ends with.
    """

    id: str
    arrival: int
    request_id: str
    server: str
    config_file: str
    trigger: Trigger
    holder: str
    commands: tuple[CommandName, ...]
    hashes: tuple[str, ...] | None
    dry_run: bool
    is_queued: bool
    skip_cleanup: bool
    older_than_days: int
    is_partly: bool
    warns_of_version: bool
    log_level: str | None
    state: RunState
    attempts: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    stats: Mapping[str, int]
    skipped_counts: Mapping[str, int]
    executed: tuple[CommandName, ...]
    refused: tuple[LeftOut, ...]
    failed_commands: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    error: str
    exit_code: int


class Ending(Struct, frozen=True, kw_only=True):
    """How a run ended; the fields are those of ``Run``."""

    state: RunState
    stats: Mapping[str, int] = {}
    skipped_counts: Mapping[str, int] = {}
    executed: tuple[CommandName, ...] = ()
    refused: tuple[LeftOut, ...] = ()
    failed_commands: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""


class EntryState(StrEnum):
    """What has become of a change in the journal."""

    PLANNED = "planned"
    """Not begun: the run is dry, or has not come to it."""
    INTENDED = "intended"
    """About to be sent, or sent: nobody knows until it is concluded."""
    APPLIED = "applied"
    STALE = "stale"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class Step(StrEnum):
    """How far a removal or a restore is, of an entry that is intended (spec: recycle bin)."""

    BEGUN = ""
    """Of a removal: nothing has been touched. Of a restore: its files are being put back."""
    SAVED = "saved"
    """Its record is in the state folder; the server may have been asked to let go of it."""
    REMOVED = "removed"
    """The server shows it no more; its files are being moved."""
    PLACED = "placed"
    """Its files are back; the server may have been asked to take it."""
    ADDED = "added"
    """The server shows it; it is being made as it was."""


class Entry(Struct, frozen=True, kw_only=True):
    """One change in the journal.

    ``position`` counts a run's changes from 0 in the order of its plan. ``torrent`` is the
    name of the torrent then, "" if it is about none. ``batch`` is None until the change is
    intended.
    """

    id: int
    run_id: str
    position: int
    batch: int | None
    planned: Planned
    torrent: str
    state: EntryState
    detail: str
    intended_at: datetime | None
    concluded_at: datetime | None


class Intent(Struct, frozen=True):
    """A change that was about to be made, and of which no outcome is known."""

    id: int
    run_id: str
    planned: Planned
    intended_at: datetime
    step: Step = Step.BEGUN


class FileList(Struct, frozen=True):
    """The files of a torrent; right as long as it still has this ``fingerprint``."""

    fingerprint: str
    files: tuple[TorrentFile, ...]


class MovedOrphan(Struct, frozen=True, kw_only=True):
    """A file without an owner that a run has moved; both paths are this machine's.

    ``server`` is the identity of the server whose run it was, ``stamp`` the file's.
    """

    server: str
    run_id: str
    source: str
    target: str
    stamp: Stamp
    moved_at: datetime
