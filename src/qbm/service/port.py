"""What the API and the command line ask of the service; ``service.service`` answers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from qbm.engine.request import RunReport
from qbm.model.command import CommandName
from qbm.store import Run, RunState, Trigger


class Asked(Struct, frozen=True, kw_only=True):
    """A request for runs, well-formed but not yet accepted: ``POST /api/run-command``.

    ``config_file`` is a file's name in the config folder, or a pattern with ``*``. ``hashes``
    are as the caller wrote them; none means all torrents. ``log_level`` is the name of a level
    of the log in capitals, None for the service's own. ``older_than_days`` and
    ``is_partly`` are as in ``RunRequest``.
    """

    commands: tuple[CommandName, ...]
    config_file: str = "config.yml"
    hashes: tuple[str, ...] = ()
    dry_run: bool = False
    skip_cleanup: bool = False
    older_than_days: int = 0
    is_partly: bool = False
    skip_qb_version_check: bool = False
    log_level: str | None = None
    trigger: Trigger = Trigger.API


class Accepted(Struct, frozen=True):
    """A request that is written down: one run per config, in the order of their names.

    ``request_id`` is the id of the first run. ``is_queued`` says that another run of one of
    these servers is under way, so that nothing begins at once.
    """

    request_id: str
    runs: tuple[Run, ...]
    is_queued: bool


class Status(Struct, frozen=True, kw_only=True):
    """The service at a glance: runs that wait, runs at work, and the last one that ended."""

    is_closing: bool
    waiting: int
    running: tuple[Run, ...]
    last: Run | None


class Service(Protocol):
    """Runs of any trigger, one at a time per server, kept over restarts.

    The plain methods take milliseconds, but wait for the disk: call them from a thread.
    """

    def accept(self, asked: Asked) -> Accepted:
        """Write down a request; its runs begin as soon as their servers are free.

        Raises:
            NoSuchConfig: no config file of that name is in the folder.
            ConfigError: no config is right; the text lists every problem. Of several the
                right ones are accepted, and the run of a wrong one has failed at once.
            ShuttingDown: the service takes no more requests.
            StoreError: it could not be written down, so it is not accepted.
        """
        ...

    async def ended(self, request_id: str) -> tuple[Run, ...]:
        """The runs of a request, once all of them have ended.

        Raises:
            ShuttingDown: the service ends first; the rest goes on at the next start.
        """
        ...

    def of_request(self, request_id: str) -> tuple[Run, ...]:
        """The runs of a request as they are now; none if there is no such request."""
        ...

    def run(self, run_id: str) -> Run | None:
        """The run of that id, None if there is none."""
        ...

    def runs(
        self, *, states: Sequence[RunState] = (), limit: int = 50, before: int | None = None
    ) -> list[Run]:
        """The latest runs, the last accepted first.

        ``states`` none means any; ``before`` an arrival number: only earlier ones.
        """
        ...

    def report(self, run_id: str) -> RunReport | None:
        """Everything that a run of this process decided; None if it is not kept (any more)."""
        ...

    def cancel(self, run_id: str) -> Run | None:
        """Ask a run to end between two changes; one that waits never begins.

        Answers the run as it is then, None if there is none. One that has ended stays so.
        """
        ...

    def status(self) -> Status:
        """What is going on."""
        ...
