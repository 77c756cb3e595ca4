"""The service: accepts runs, carries each out once, one at a time per server.

A run is accepted when it is written down. From then on two records keep it: ours says what
is to be done and in which order, the durable workflow sees to it that a thread does it.
A thread that has a server's turn carries out all that is in line there, in the order of
arrival, whatever the order in which the threads began.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from qbm import __version__
from qbm.config.folder import ConfigFolder
from qbm.engine.counting import count
from qbm.engine.request import RunReport
from qbm.engine.stop import Stop
from qbm.errors import ConfigError, Interrupted, QbmError, ShuttingDown, StoreError, Suspended
from qbm.gateways.clock import Clock
from qbm.service.bell import Bell
from qbm.service.jobs import Read, announce, read_all, read_each, request_for
from qbm.service.port import Accepted, Asked, Status
from qbm.service.turns import Turns
from qbm.store import UNFINISHED, NewRun, Run, RunState, Store, this_process

_REPORTS_KEPT: Final = 8
"""A report of 10,000 torrents has some megabytes; it is asked for right after its run."""
_TRACES_KEPT: Final = timedelta(days=1)
_TIDY_PAUSE: Final = timedelta(hours=1)
_LOOK_AGAIN_SECONDS: Final = 1.0
_TROUBLE_SECONDS: Final = 10.0


class Line(Protocol):
    """What sees to it that each accepted run is attended to: ``service.durable``."""

    def launch(self) -> None:
        """Begin; what a killed process had begun is gone on with."""
        ...

    def begin(self, run_id: str) -> None:
        """Attend to a run at once."""
        ...

    def keep(self, run_id: str) -> None:
        """Attend to a run once others have ended."""
        ...

    def kept(self) -> Collection[str]:
        """The runs that are gone on with by themselves."""
        ...

    def forget(self, completed_before: datetime) -> None:
        """Drop what ended before."""
        ...

    def close(self) -> None:
        """End."""
        ...


CarryOut: TypeAlias = Callable[
    [Run, Read, Stop, FilteringBoundLogger], Coroutine[Any, Any, RunReport]
]
"""Carries out an accepted run on the server of its config; ``bootstrap`` has one."""


class Means(Struct, frozen=True, kw_only=True):
    """What the service works with.

    ``identify`` gives the identity of a config's server, ``logger_at`` the log at a level's
    name (None: the usual one); ``hide`` is told of secrets that the log must not show. If
    ``is_dry``, every run is.
    """

    store: Store
    folder: ConfigFolder
    environ: Mapping[str, str]
    identify: Callable[[Read], str]
    carry_out: CarryOut
    clock: Clock
    logger_at: Callable[[str | None], FilteringBoundLogger]
    hide: Callable[[Collection[str]], None]
    is_dry: bool


class RunService:
    """The service of one state folder; ``port.Service`` says what it answers.

    ``line`` makes what attends to runs, given the method that does.
    """

    def __init__(self, means: Means, line: Callable[[Callable[[str], None]], Line]) -> None:
        self._means = means
        self._line = line(self.attend)
        self._turns = Turns()
        self._bell = Bell()
        self._lock = threading.Lock()
        self._stops: dict[str, Stop] = {}
        self._unwanted: set[str] = set()
        self._troubles: dict[str, StoreError] = {}
        self._reports: OrderedDict[str, RunReport] = OrderedDict()
        self._last: Run | None = None
        self._tidy_again = means.clock.now()
        self._is_closing = False

    # Its life

    def open(self) -> None:
        """Take over the queue of the state folder, and go on with it.

        Raises:
            StoreError: the store cannot be used.
        """
        store, clock = self._means.store, self._means.clock
        # Whoever carries out runs of its own has the state folder meanwhile; now we have it.
        store.abandon_dead(clock.now(), lambda _: False, count)
        self._last = store.last_ended()
        waiting = store.adopt(this_process())
        self._line.launch()
        self._tidy()
        kept = self._line.kept()
        # What is kept has a thread only after what was kept before, of whatever server.
        firsts = {run.server: run.id for run in reversed(waiting)}
        for run in waiting:
            if run.id not in kept or run.id == firsts[run.server]:
                self._attend_soon(run)
        if waiting:
            self._means.logger_at(None).info("queue_goes_on", runs=len(waiting))

    def refuse(self) -> None:
        """Take no more requests, and tell those who wait; runs stop between two changes."""
        with self._lock:
            self._is_closing = True
            for stop in self._stops.values():
                stop.suspend()
        self._bell.ring()
        self._turns.announce()

    def close(self, seconds: float) -> bool:
        """End, once every run has stopped, to go on at the next start; wait at most so long.

        False: a run still waits for an answer of its server, in a thread that goes on.
        """
        self.refuse()
        end = self._means.clock.monotonic() + seconds
        while not self._turns.are_all_free() and self._means.clock.monotonic() < end:
            self._turns.wait(_LOOK_AGAIN_SECONDS / 10)
        has_stopped = self._turns.are_all_free()
        self._line.close()
        return has_stopped

    # What the API asks

    def accept(self, asked: Asked) -> Accepted:
        """See ``port.Service``."""
        if self._is_closing:
            raise _closing()
        means = self._means
        paths = means.folder.matching(asked.config_file)
        configs, wrong = read_all(paths, asked.commands, means.environ)
        for each in configs:
            means.hide(each.secrets)
        of_right = {each.path: self._new(asked, each) for each in configs}
        of_wrong = {path: self._new_of_wrong(asked, path) for path in wrong}
        news = [(of_right | of_wrong)[path] for path in paths]
        runs, is_busy = means.store.enqueue(news, means.clock.now())
        for path, run in zip(paths, runs, strict=True):
            if path in wrong:
                self._failed(run, wrong[path])
            else:
                self._attend_soon(run)
        return Accepted(runs[0].request_id, means.store.of_request(runs[0].id), is_busy)

    def _new_of_wrong(self, asked: Asked, path: Path) -> NewRun:
        """The run of a config that names no server that could be read."""
        return NewRun(
            server=f"config {path.name}",
            config_file=path.name,
            trigger=asked.trigger,
            holder=this_process(),
            commands=asked.commands,
            hashes=asked.hashes or None,
            dry_run=True,
            is_queued=True,
        )

    def _new(self, asked: Asked, read: Read) -> NewRun:
        section = read.config.commands
        return NewRun(
            server=self._means.identify(read),
            config_file=read.path.name,
            trigger=asked.trigger,
            holder=this_process(),
            commands=asked.commands,
            hashes=asked.hashes or None,
            dry_run=asked.dry_run or self._means.is_dry or bool(section and section.dry_run),
            is_queued=True,
            skip_cleanup=asked.skip_cleanup,
            older_than_days=asked.older_than_days,
            is_partly=asked.is_partly,
            warns_of_version=not asked.skip_qb_version_check,
            log_level=asked.log_level,
        )

    async def ended(self, request_id: str) -> tuple[Run, ...]:
        """See ``port.Service``."""
        while True:
            heard = self._bell.listen()
            runs = await asyncio.to_thread(self.of_request, request_id)
            unfinished = [run for run in runs if run.state in UNFINISHED]
            if not unfinished:
                return runs
            for run in unfinished:
                if trouble := self._troubles.get(run.id):
                    raise trouble
            if self._is_closing:
                raise _closing()
            await heard.wait()

    def of_request(self, request_id: str) -> tuple[Run, ...]:
        """See ``port.Service``."""
        return self._means.store.of_request(request_id)

    def run(self, run_id: str) -> Run | None:
        """See ``port.Service``."""
        return self._means.store.run(run_id)

    def runs(
        self, *, states: Sequence[RunState] = (), limit: int = 50, before: int | None = None
    ) -> list[Run]:
        """See ``port.Service``."""
        return self._means.store.runs(limit, states=states, before=before)

    def report(self, run_id: str) -> RunReport | None:
        """See ``port.Service``."""
        with self._lock:
            return self._reports.get(run_id)

    def cancel(self, run_id: str) -> Run | None:
        """See ``port.Service``."""
        # First the record, then whoever is at it: ``_carried_out`` looks in the other order.
        is_over = self._means.store.cancel_waiting(run_id, self._means.clock.now())
        run = self.run(run_id)
        with self._lock:
            if run and run.state in UNFINISHED:
                self._unwanted.add(run_id)
            if stop := self._stops.get(run_id):
                stop.request()
        if is_over:
            self._over(run_id)
        return run

    def status(self) -> Status:
        """See ``port.Service``."""
        in_line = self._means.store.in_line()
        running = tuple(run for run in in_line if run.state is RunState.RUNNING)
        return Status(
            is_closing=self._is_closing,
            waiting=len(in_line) - len(running),
            running=running,
            last=self._last,
        )

    # Carrying out, in threads of the line

    def attend(self, run_id: str) -> None:
        """Come back when a run has ended: it is carried out here, or by whoever has the turn.

        Raises:
            Suspended: the service ends before that.
        """
        while not self._is_closing:
            with self._patiently():
                run = self._means.store.run(run_id)
                if run is None or run.state not in UNFINISHED:
                    return
                if self._turns.take(run.server):
                    self._attend_to(run.server)
                else:
                    self._turns.wait(_LOOK_AGAIN_SECONDS)
        raise Suspended(f"Run {run_id} goes on when the server starts again.")

    def _attend_to(self, server: str) -> None:
        """Carry out all that is in line at a server, in the order of arrival; then leave it."""
        next_in_line = partial(self._means.store.next_in_line, server)
        has_left = False
        try:
            while not (has_left or self._is_closing):
                with self._patiently():
                    if run := next_in_line():
                        self._carry_out(run)
                        self._tidy()
                    else:
                        has_left = self._turns.leave_unless(server, lambda: bool(next_in_line()))
        finally:
            if not has_left:  # else the turn may be another thread's by now
                self._turns.leave(server)

    @contextmanager
    def _patiently(self) -> Iterator[None]:
        """Bear with a store in trouble: a disk may have space again later.

        All stays written down as it is, and no other thread tries the same meanwhile.
        """
        try:
            yield
        except StoreError as error:
            self._means.logger_at(None).error("failed", text=str(error))
            self._turns.wait(_TROUBLE_SECONDS)

    def _carry_out(self, run: Run) -> None:
        """One run to its end, whatever that is.

        Raises:
            StoreError: it could not be written down, so the run has not ended.
        """
        try:
            self._come_to_an_end(run)
            self._over(run.id)
        except StoreError as error:
            self._troubles[run.id] = error
            self._bell.ring()
            raise

    def _come_to_an_end(self, run: Run) -> None:
        try:
            self._carry_out_on_its_server(run)
        except StoreError:
            raise
        except Suspended:
            return  # it is put back
        except QbmError as error:
            self._failed(run, error)
        except Exception as error:  # the last border: the runs behind this one must go on
            log = self._means.logger_at(None)
            text = f"A fault in qbm {__version__}: {type(error).__name__}: {error}."
            log.critical("crashed", text=text, exc_info=error)
            now = self._means.clock.now()
            self._means.store.finish(run.id, RunState.FAILED, now, error=text, exit_code=1)

    def _carry_out_on_its_server(self, run: Run) -> None:
        means = self._means
        path = means.folder.path_of(run.config_file)
        (read,) = read_each([path], run.commands, means.environ)
        means.hide(read.secrets)
        server = means.identify(read)
        if server == run.server:
            asyncio.run(self._carried_out(run, read))
        elif run.attempts:
            raise ConfigError(
                f"{run.config_file} names another server now than when this run began, so it "
                "cannot go on. What it had changed stays; ask for it again."
            )
        else:
            means.store.move(run.id, server)
            self._attend_soon(replace(run, server=server))

    async def _carried_out(self, run: Run, read: Read) -> None:
        log = self._means.logger_at(run.log_level)
        if len(self._means.folder.names()) > 1:
            log = log.bind(config=run.config_file)
        for warning in read.warnings:
            log.warning("warning", text=str(warning))
        stop = Stop()
        with self._heeding(run, stop):
            current = self._means.store.run(run.id)
            if self._is_closing or current is None or current.state not in UNFINISHED:
                return  # cancelled, or the end of the service, just before its stop could be heard
            announce(read, request_for(run), log)
            report = await self._means.carry_out(run, read, stop, log)
        self._keep_report(report)

    @contextmanager
    def _heeding(self, run: Run, stop: Stop) -> Iterator[None]:
        """Let ``stop`` be found while the run is at work."""
        with self._lock:
            self._stops[run.id] = stop
            if run.id in self._unwanted:
                stop.request()
        try:
            yield
        finally:
            with self._lock:
                del self._stops[run.id]

    def _failed(self, run: Run, error: QbmError) -> None:
        """Note an ending that the engine has not noted: it had not begun."""
        state = RunState.INTERRUPTED if isinstance(error, Interrupted) else RunState.FAILED
        now, code = self._means.clock.now(), error.exit_code
        self._means.store.finish(run.id, state, now, error=str(error), exit_code=code)
        log = self._means.logger_at(run.log_level)
        for line in str(error).splitlines():
            log.error("failed", text=line)

    def _keep_report(self, report: RunReport) -> None:
        with self._lock:
            self._reports[report.run_id] = report
            while len(self._reports) > _REPORTS_KEPT:
                self._reports.popitem(last=False)

    def _tidy(self) -> None:
        """Drop the traces of what ended long ago, now and then."""
        now = self._means.clock.now()
        with self._lock:
            if now < self._tidy_again:
                return
            self._tidy_again = now + _TIDY_PAUSE
        self._line.forget(now - _TRACES_KEPT)

    def _over(self, run_id: str) -> None:
        self._troubles.pop(run_id, None)
        run = self._means.store.run(run_id)
        if run and run.ended_at:
            self._last = run
            self._unwanted.discard(run_id)
        self._bell.ring()

    def _attend_soon(self, run: Run) -> None:
        """Have a run that is written down attended to; if that cannot be now, then later."""
        if self._is_closing:
            return
        try:
            if self._turns.is_free(run.server):
                self._line.begin(run.id)
            else:
                self._line.keep(run.id)
        except StoreError as error:
            self._means.logger_at(None).error("failed", text=str(error))
            again = threading.Timer(_TROUBLE_SECONDS, self._attend_soon, [run])
            again.daemon = True
            again.start()


def _closing() -> ShuttingDown:
    return ShuttingDown(
        "The server is shutting down. What it has accepted goes on when it starts again."
    )
