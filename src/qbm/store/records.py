"""The rows of the store as values. All times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from qbm.model.command import CommandName
from qbm.model.plan import Planned


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


UNFINISHED = frozenset({RunState.WAITING, RunState.RUNNING})


class NewRun(Struct, frozen=True, kw_only=True):
    """A run that is asked for.

    ``server`` is the server's identity (decisions: *A server's identity*), ``holder`` the
    process that will carry the run out (``this_process()``). ``hashes`` None means all
    torrents.
    """

    server: str
    config_file: str
    trigger: Trigger
    holder: str
    commands: tuple[CommandName, ...]
    hashes: tuple[str, ...] | None = None
    dry_run: bool = False


class Run(Struct, frozen=True, kw_only=True):
    """A run as the store knows it.

    ``arrival`` numbers the runs in the order of their acceptance. ``stats`` are the counters
    of its report; ``skipped_counts`` says how many torrents were left alone, per reason code.
    """

    id: str
    arrival: int
    server: str
    config_file: str
    trigger: Trigger
    holder: str
    commands: tuple[CommandName, ...]
    hashes: tuple[str, ...] | None
    dry_run: bool
    state: RunState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    stats: Mapping[str, int]
    skipped_counts: Mapping[str, int]
    error: str


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


class Entry(Struct, frozen=True, kw_only=True):
    """One change in the journal.

    ``position`` counts a run's changes from 0 in the order of its plan. ``batch`` is None
    until the change is intended.
    """

    id: int
    run_id: str
    position: int
    batch: int | None
    planned: Planned
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
