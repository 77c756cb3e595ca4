"""A service with stand-ins at its two borders: what attends to runs, and what carries them out."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from structlog.testing import LogCapture
from structlog.typing import FilteringBoundLogger

from qbm.config.folder import ConfigFolder
from qbm.engine.request import Mode, RunReport
from qbm.engine.stop import Stop
from qbm.errors import Interrupted, QbmError, Suspended
from qbm.gateways.clock import Clock, SystemClock
from qbm.model.command import CommandName
from qbm.model.plan import Plan
from qbm.service.jobs import Read
from qbm.service.port import Asked
from qbm.service.service import Means, RunService
from qbm.store import Run, RunState, Store

SECONDS = 20.0
TAGS = (CommandName.TAG_UPDATE,)


def asking(config_file: str = "config.yml", **facts: Any) -> Asked:
    """A request for tag_update."""
    return Asked(**{"commands": TAGS, "config_file": config_file, **facts})


def until(is_so: Callable[[], object], what: str = "") -> None:
    """Wait until it is so."""
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, f"waited in vain: {what or is_so}"
        time.sleep(0.005)


@dataclass
class Threads:
    """A line with a thread for each run. What it was asked for stays in its lists.

    ``kept_before`` are the runs that it says to go on with by itself, and does not; ``trouble``
    is raised instead of beginning.
    """

    attend: Callable[[str], None]
    kept_before: Collection[str] = ()
    begun: list[str] = field(default_factory=list)
    enqueued: list[str] = field(default_factory=list)
    suspended: list[str] = field(default_factory=list)
    trouble: list[QbmError] = field(default_factory=list)
    forgotten: list[datetime] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    is_launched: bool = False

    def launch(self) -> None:
        self.is_launched = True

    def begin(self, run_id: str) -> None:
        if self.trouble:
            raise self.trouble.pop()
        self.begun.append(run_id)
        self._attended(run_id)

    def keep(self, run_id: str) -> None:
        self.enqueued.append(run_id)
        self._attended(run_id)

    def kept(self) -> Collection[str]:
        return self.kept_before

    def forget(self, completed_before: datetime) -> None:
        self.forgotten.append(completed_before)

    def close(self) -> None:
        for thread in self.threads:
            thread.join(SECONDS)
        assert not any(thread.is_alive() for thread in self.threads)

    def _attended(self, run_id: str) -> None:
        assert self.is_launched
        thread = threading.Thread(target=self._attend, args=[run_id], daemon=True)
        self.threads.append(thread)
        thread.start()

    def _attend(self, run_id: str) -> None:
        try:
            self.attend(run_id)
        except Suspended:
            self.suspended.append(run_id)


@dataclass
class Works:
    """Carries runs out as the engine does to the store, and nowhere else.

    Each waits for its gate, by its config's name, if that is shut; ``fails`` has what is
    raised, by the number of the run from 0. ``diary`` has who came and went.
    """

    store: Store
    diary: list[tuple[str, str, str]] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)
    fails: dict[int, Exception] = field(default_factory=dict)
    asked: list[Run] = field(default_factory=list)
    at_work: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    most: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def __call__(
        self, run: Run, read: Read, stop: Stop, log: FilteringBoundLogger
    ) -> RunReport:
        del read, log
        number = len(self.asked)
        self.asked.append(run)
        self.at_work[run.server] += 1
        self.most[run.server] = max(self.most[run.server], self.at_work[run.server])
        self.diary.append(("comes", run.config_file, run.id))
        try:
            self.store.start(run.id, SystemClock().now())
            while run.config_file in self.shut:
                await stop.unless(asyncio.sleep(0.005))
            if number in self.fails:
                raise self.fails[number]
        except Suspended:
            self.store.put_back(run.id)
            raise
        except Interrupted as error:
            self.store.finish(run.id, RunState.INTERRUPTED, SystemClock().now(), error=str(error))
            raise
        finally:
            self.diary.append(("goes", run.config_file, run.id))
            self.at_work[run.server] -= 1
        self.store.finish(run.id, RunState.DONE, SystemClock().now())
        return _report(run)


def _report(run: Run) -> RunReport:
    return RunReport(
        run_id=run.id,
        config_file=run.config_file,
        mode=Mode.DRY if run.dry_run else Mode.REAL,
        executed=run.commands,
        plan=Plan(),
        concluded=(),
        refused=(),
        warnings=(),
        stats={},
        names={},
        torrents=0,
        seconds=0.0,
    )


@dataclass
class Desk:
    """A service at work, and what is around it."""

    folder: Path
    store: Store
    works: Works
    line: Threads
    service: RunService
    log: LogCapture
    hidden: set[str]

    def state(self, run_id: str) -> RunState:
        """How far a run is."""
        run = self.service.run(run_id)
        assert run is not None
        return run.state

    def wait_for(self, run_id: str, *states: RunState) -> Run:
        """The run once it is in one of these states."""
        until(lambda: self.state(run_id) in states, f"{run_id} to be {states}")
        run = self.service.run(run_id)
        assert run is not None
        return run

    def said(self, event: str) -> list[str]:
        """The texts of all such events in the log."""
        return [str(each.get("text")) for each in self.log.entries if each["event"] == event]


def write(folder: Path, name: str = "config.yml", port: int = 8080, more: str = "") -> None:
    """A config of the server at that port."""
    text = (
        f"qbt: {{host: 'http://127.0.0.1:{port}', pass: hunter2}}\ntracker: {{other: {{tag: x}}}}\n"
    )
    (folder / name).write_text(text + more, encoding="utf-8")


@contextmanager
def desk(
    folder: Path,
    *,
    is_dry: bool = False,
    is_open: bool = True,
    kept: Callable[[Store], Sequence[str]] = lambda _: (),
    clock: Clock | None = None,
) -> Iterator[Desk]:
    """A service on the configs in ``folder``, with its state beside them; closed at the end."""
    log, hidden = LogCapture(), set[str]()
    logger = structlog.wrap_logger(None, processors=[log]).bind()
    lines: list[Threads] = []
    with Store.open(folder / "state") as store:
        works = Works(store)
        means = Means(
            store=store,
            folder=ConfigFolder(folder),
            environ={},
            identify=lambda read: f"server {read.config.qbt.host}",
            carry_out=works,
            clock=clock or SystemClock(),
            logger_at=lambda _: logger,
            hide=hidden.update,
            is_dry=is_dry,
        )

        def line(attend: Callable[[str], None]) -> Threads:
            lines.append(Threads(attend, kept(store)))
            return lines[0]

        service = RunService(means, line)
        if is_open:
            service.open()
        try:
            yield Desk(folder, store, works, lines[0], service, log, hidden)
        finally:
            works.shut.clear()
            service.close(SECONDS)
