"""One run from end to end: gather, plan, apply, verify, report.

The only place that asks whether a run is dry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from qbm.commands.registry import steps
from qbm.config import Config
from qbm.engine import checks
from qbm.engine.apply import Executor, Facts
from qbm.engine.batches import Numbered
from qbm.engine.counting import count, count_skipped
from qbm.engine.gather import gather, names_of
from qbm.engine.planning import plan_run
from qbm.engine.recovery import settle
from qbm.engine.report import Reporter
from qbm.engine.request import Concluded, Mode, RunReport, RunRequest
from qbm.engine.stop import Stop
from qbm.engine.verify import verify
from qbm.errors import Interrupted, QbmError, StoreError
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.command import COMMANDS
from qbm.model.plan import Applied, Plan, Planned
from qbm.model.snapshot import Snapshot
from qbm.store import NewRun, RunState, ServerLock, Store, this_process

LEASE: Final = timedelta(seconds=60)
"""How long a lease lasts when its holder is not heard of; it is renewed before each batch."""
_LEASE_PAUSE: Final = 0.25


class Tools(Struct, frozen=True, kw_only=True):
    """What a run works with. ``identity`` names the server (decisions: *A server's identity*)."""

    server: QBittorrent
    identity: str
    store: Store
    lock: ServerLock
    clock: Clock
    stop: Stop
    log: FilteringBoundLogger


async def run(request: RunRequest, config: Config, tools: Tools) -> RunReport:
    """Carry out ``request`` on the server of ``config``.

    Raises:
        ServerError: the server cannot be talked to.
        StoreError: the journal cannot be written.
        LeaseLost: another run has taken the server over.
        Interrupted: a stop was requested; the journal is complete.
    """
    run_id = tools.store.accept(_new(request, tools), tools.clock.now()).id
    try:
        await _leased(run_id, tools)
        return await _carried_out(run_id, request, config, tools)
    except QbmError as error:
        _failed(run_id, error, tools)
        raise
    finally:
        tools.store.release(tools.identity, run_id)
        tools.lock.release()


def _new(request: RunRequest, tools: Tools) -> NewRun:
    return NewRun(
        server=tools.identity,
        config_file=request.config_file,
        trigger=request.trigger,
        holder=this_process(),
        commands=request.commands,
        hashes=request.hashes or None,
        dry_run=request.mode is Mode.DRY,
    )


def _failed(run_id: str, error: QbmError, tools: Tools) -> None:
    """Note how the run ended; what it had done until then counts."""
    if isinstance(error, StoreError):  # the store is the trouble: the next run notes it
        return
    state = RunState.INTERRUPTED if isinstance(error, Interrupted) else RunState.FAILED
    stats = count(tools.store.applied(run_id))
    tools.store.finish(
        run_id, state, stats=stats, skipped_counts={}, error=str(error), now=tools.clock.now()
    )


async def _leased(run_id: str, tools: Tools) -> None:
    """Wait until the server is this run's; runs get it in the order of their arrival."""
    is_told = False
    while not _is_ours(run_id, tools):
        if not is_told:
            tools.log.info("waiting_for_server", server=tools.identity)
            is_told = True
        await tools.stop.unless(tools.clock.sleep(_LEASE_PAUSE))


def _is_ours(run_id: str, tools: Tools) -> bool:
    """The lease of all who share the store, and the lock of all programs of this host."""
    now = tools.clock.now()
    tools.store.abandon_dead(now)
    return tools.store.acquire(tools.identity, run_id, now, LEASE) and tools.lock.take()


async def _carried_out(run_id: str, request: RunRequest, config: Config, tools: Tools) -> RunReport:
    started = tools.clock.monotonic()
    tools.store.start(run_id, tools.clock.now())
    await _connected(tools)
    wanted = steps(request.commands, config)
    read_at = tools.clock.monotonic()
    snapshot, selection = await tools.stop.unless(
        gather(tools.server, wanted, config, request.hashes)
    )
    plan, expected = plan_run(snapshot, wanted, config, selection, tools.clock.now())
    reporter = Reporter(tools.log, names_of(snapshot), request.mode)
    reporter.decided(plan)
    numbers = tools.store.record(run_id, plan.planned)
    entries = [Numbered(*each) for each in zip(numbers, plan.planned, strict=True)]
    concluded: tuple[Concluded, ...] = ()
    if request.mode is Mode.DRY:
        reporter.changing(plan.planned)
    else:
        work = Executor(
            server=tools.server,
            store=tools.store,
            clock=tools.clock,
            stop=tools.stop,
            hold=lambda: tools.store.renew(tools.identity, run_id, tools.clock.now(), LEASE),
            sending=lambda batch: reporter.changing(each.planned for each in batch),
        )
        concluded = await _concluded(work, entries, Facts(snapshot, read_at), expected)
        reporter.concluded(concluded)
    report = RunReport(
        run_id=run_id,
        config_file=request.config_file,
        mode=request.mode,
        executed=tuple(name for name in COMMANDS if name in {each.name for each in wanted}),
        plan=plan,
        concluded=concluded,
        refused=(),
        warnings=checks.warnings(request, selection),
        stats=count(_done(plan, concluded, request.mode)),
        names=reporter.names,
        torrents=len(snapshot.torrents),
        seconds=tools.clock.monotonic() - started,
    )
    tools.store.finish(
        run_id,
        RunState.DONE,
        stats=report.stats,
        skipped_counts=count_skipped(plan),
        error="",
        now=tools.clock.now(),
    )
    reporter.ended(report)
    return report


async def _connected(tools: Tools) -> None:
    """Log in, and settle first what a killed run has left open on this server."""
    await tools.stop.unless(tools.server.connect())
    settled = await settle(tools.server, tools.store, tools.identity, tools.clock)
    if settled:
        tools.log.info("settled", changes=settled)


async def _concluded(
    work: Executor, entries: Sequence[Numbered], facts: Facts, expected: Snapshot
) -> tuple[Concluded, ...]:
    """Apply, then see what took effect, also when a stop came in between.

    Raises:
        Interrupted: a stop was requested; what had been sent is concluded.
    """
    sent = await work.apply(entries, facts)
    seen = await verify(work.server, sent.accepted, expected, work.clock)
    work.store.conclude(seen, work.clock.now())
    if sent.was_stopped:
        raise Interrupted("Stopped on request, between two changes; what was done is kept.")
    outcomes = {**sent.outcomes, **seen}
    return tuple(Concluded(each.planned, outcomes[each.id]) for each in entries)


def _done(plan: Plan, concluded: Iterable[Concluded], mode: Mode) -> Iterable[Planned]:
    """What counts: in a dry run everything planned, else what was seen to take effect."""
    if mode is Mode.DRY:
        return plan.planned
    return (each.planned for each in concluded if isinstance(each.outcome, Applied))
