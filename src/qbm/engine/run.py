"""One run from end to end: gather, plan, apply, verify, report.

The only place that asks whether a run is dry.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from qbm.commands.registry import Command, steps
from qbm.config import Config
from qbm.engine import checks
from qbm.engine.apply import Executor, Facts
from qbm.engine.batches import Numbered
from qbm.engine.cleanup import clean_up, days_for, foretell
from qbm.engine.clearing import Clearer
from qbm.engine.connecting import connect
from qbm.engine.counting import count, count_skipped
from qbm.engine.gather import Wanted, gather, is_of, names_of
from qbm.engine.guards import guarded
from qbm.engine.lease import Lease
from qbm.engine.planning import plan_run, removals
from qbm.engine.removal.finishing import begun_removals
from qbm.engine.removal.removing import Remover
from qbm.engine.report import Reporter
from qbm.engine.request import Concluded, Mode, RunReport, RunRequest
from qbm.engine.restoring.running import restored
from qbm.engine.tools import Tools
from qbm.engine.tree.targets import with_free_targets
from qbm.engine.verify import verify
from qbm.errors import Interrupted, QbmError, StoreError, Suspended
from qbm.model.change import Recheck, RemoveTorrent
from qbm.model.command import COMMANDS, CommandName
from qbm.model.plan import Applied, Plan, Planned
from qbm.model.reason import Reason
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import TorrentHash
from qbm.store import LeftOut, NewRun, RunState, this_process


class _Prepared(Struct, frozen=True, kw_only=True):
    """A run that knows what it wants: its facts, its plan, and what that should leave."""

    request: RunRequest
    config: Config
    commands: Sequence[Command]
    facts: Facts
    selection: Selection
    plan: Plan
    expected: Snapshot


async def run(request: RunRequest, config: Config, tools: Tools) -> RunReport:
    """Write a run down, and carry it out on the server of ``config`` once that is free.

    Raises:
        QbmError: as ``carry_out`` does.
    """
    accepted = tools.store.accept(_new(request, tools), tools.clock.now())
    return await carry_out(accepted.id, request, config, tools)


async def carry_out(run_id: str, request: RunRequest, config: Config, tools: Tools) -> RunReport:
    """Carry out a run that is written down; wait first until its server is free.

    May be a further attempt: what an earlier one left open is settled, the facts are read
    anew, and what it had changed counts.

    Raises:
        ServerError: the server cannot be talked to.
        StoreError: the journal cannot be written.
        LeaseLost: another run has taken the server over.
        Interrupted: a stop was requested; the journal is complete.
    """
    lease = Lease(run_id, this_process(), tools)
    try:
        await lease.take()
        return await _carried_out(lease, request, config, tools)
    except Suspended:
        with contextlib.suppress(StoreError):
            tools.store.put_back(run_id)
        raise
    except QbmError as error:
        _note(run_id, error, tools)
        raise
    finally:
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
        skip_cleanup=request.skip_cleanup,
        older_than_days=request.older_than_days,
        is_partly=request.is_partly,
        warns_of_version=request.warns_of_version,
    )


def _note(run_id: str, error: QbmError, tools: Tools) -> None:
    """Write down how the run ended early; what it had done until then counts.

    If the store itself is the trouble that may fail; then the next run does it.
    """
    state = RunState.INTERRUPTED if isinstance(error, Interrupted) else RunState.FAILED
    with contextlib.suppress(StoreError):
        stats = count(tools.store.applied(run_id))
        now, code = tools.clock.now(), error.exit_code
        tools.store.finish(run_id, state, now, stats=stats, error=str(error), exit_code=code)


async def _carried_out(
    lease: Lease, request: RunRequest, config: Config, tools: Tools
) -> RunReport:
    started = tools.clock.monotonic()
    tools.store.start(lease.run_id, tools.clock.now())
    await connect(lease, request.mode, config, tools)
    if CommandName.RESTORE in request.commands:
        report = await restored(lease, request, config, tools, started)
        _finish(report, tools)
        Reporter(tools.log, report.names, request.mode).ended(report)
        return report
    prepared = await _prepare(lease.run_id, request, config, tools)
    reporter = Reporter(tools.log, names_of(prepared.facts.snapshot), request.mode)
    reporter.decided(prepared.plan)
    tools.store.supersede(lease.run_id, tools.clock.now())
    numbers = tools.store.record(lease.run_id, prepared.plan.planned, reporter.names)
    if request.mode is Mode.DRY:
        done = await _foretold(prepared, lease, reporter)
    else:
        _remember(lease.run_id, prepared, tools)
        entries = [Numbered(*each) for each in zip(numbers, prepared.plan.planned, strict=True)]
        done = await _done(entries, prepared, lease, reporter)
    report = _report(prepared, done, reporter.names, lease, started)
    _finish(report, tools)
    reporter.ended(report)
    return report


class _Done(Struct, frozen=True):
    """A run's plan with that of the cleanup, what came of both, and all that counts."""

    plan: Plan
    concluded: tuple[Concluded, ...]
    counted: Sequence[Planned]


async def _foretold(prepared: _Prepared, lease: Lease, reporter: Reporter) -> _Done:
    """A dry run: nothing is concluded, and what is planned counts."""
    reporter.changing(prepared.plan.planned)
    days = days_for(prepared.request, prepared.config, prepared.plan)
    snapshot = prepared.facts.snapshot
    cleaned = await foretell(days, snapshot, prepared.config, lease, reporter, prepared.plan)
    plan = Plan.joined([prepared.plan, cleaned.plan])
    return _Done(plan, (), plan.planned)


async def _done(
    entries: Sequence[Numbered], prepared: _Prepared, lease: Lease, reporter: Reporter
) -> _Done:
    """A real run: what was applied counts, over all its attempts."""
    config, snapshot = prepared.config, prepared.facts.snapshot
    clearer = Clearer(lease, config, lease.tools, reporter.sending)
    concluded = await _apply(entries, prepared, lease, reporter, clearer)
    days = days_for(prepared.request, config, prepared.plan)
    cleaned = await clean_up(days, snapshot, config, lease, reporter)
    return _Done(
        Plan.joined([prepared.plan, cleaned.plan]),
        (*concluded, *cleaned.concluded),
        lease.tools.store.applied(lease.run_id),
    )


def _report(
    prepared: _Prepared,
    done: _Done,
    names: Mapping[TorrentHash, str],
    lease: Lease,
    started: float,
) -> RunReport:
    request, tools = prepared.request, lease.tools
    ran = {each.name for each in prepared.commands}.difference(
        each.command for each in done.plan.refused
    )
    return RunReport(
        run_id=lease.run_id,
        config_file=request.config_file,
        mode=request.mode,
        executed=tuple(name for name in COMMANDS if name in ran),
        plan=done.plan,
        concluded=done.concluded,
        refused=done.plan.refused,
        warnings=(
            *checks.warnings(request, prepared.selection, tools.server.server.version),
            *checks.alarms(done.plan),
        ),
        stats=count(done.counted),
        names=names,
        torrents=len(prepared.facts.snapshot.torrents),
        seconds=tools.clock.monotonic() - started,
    )


async def _prepare(run_id: str, request: RunRequest, config: Config, tools: Tools) -> _Prepared:
    """Read and plan; all torrents, not only the requested ones, where a decision needs them."""
    commands = steps(request.commands, config)
    wanted = Wanted(
        steps=commands,
        config=config,
        hashes=request.hashes,
        run_id=run_id,
        may_write=request.mode is Mode.REAL,
    )
    read_at = tools.clock.monotonic()
    snapshot, selection = await tools.stop.unless(gather(wanted, tools))
    now = tools.clock.now()
    plan, expected = plan_run(snapshot, commands, config, selection, now)
    if not snapshot.is_whole and (plan.needs_whole or removals(plan)):
        read_at = tools.clock.monotonic()
        snapshot, selection = await tools.stop.unless(gather(wanted, tools, whole=True))
        plan, expected = plan_run(snapshot, commands, config, selection, now)

    def replanned(spared: Mapping[TorrentHash, Reason]) -> tuple[Plan, Snapshot]:
        return plan_run(snapshot, commands, config, selection, now, spared=spared)

    plan, expected = await tools.stop.unless(
        guarded(plan, expected, replanned, snapshot, config, tools)
    )
    plan = await asyncio.to_thread(with_free_targets, plan)
    return _Prepared(
        request=request,
        config=config,
        commands=commands,
        facts=Facts(snapshot, read_at),
        selection=selection,
        plan=plan,
        expected=expected,
    )


def _remember(run_id: str, prepared: _Prepared, tools: Tools) -> None:
    """Keep who was seen unregistered, and forget who recovered, is gone, or was added anew."""
    plan, snapshot = prepared.plan, prepared.facts.snapshot
    if not any(Fact.SIGHTINGS in each.needs(prepared.config) for each in prepared.commands):
        return
    stored = tools.store.sightings(tools.identity, run_id)
    void = {
        each
        for each, seen in stored.items()
        if (snapshot.is_whole or each in snapshot.torrents) and not is_of(seen, each, snapshot)
    }
    tools.store.remember(
        tools.identity,
        run_id,
        tools.clock.now(),
        seen=plan.sighted,
        forgotten=plan.recovered | void,
    )


async def _apply(
    entries: Sequence[Numbered],
    prepared: _Prepared,
    lease: Lease,
    reporter: Reporter,
    clearer: Clearer,
) -> tuple[Concluded, ...]:
    """Apply the plan, then see what took effect, also when a stop came in between.

    Raises:
        Interrupted: a stop was requested; what had been sent is concluded.
    """
    tools = lease.tools
    executor = Executor(
        server=tools.server,
        store=tools.store,
        clock=tools.clock,
        stop=tools.stop,
        hold=lease.keep,
        sending=reporter.sending,
        remove=Remover(lease, prepared.config, tools, reporter.sending).remove,
        clear=clearer.clear,
    )
    sent = await executor.apply(entries, prepared.facts)
    removed = {
        each.planned.change.hash
        for each in entries
        if isinstance(each.planned.change, RemoveTorrent)
        and isinstance(sent.outcomes.get(each.id), Applied)
    }
    if removed:  # not to be missed by the next rem_orphaned
        tools.store.keep_file_lists(tools.identity, {}, removed)
    # Of a recheck nothing may show: on 4.2.5 it begins late, and a small one ends in 10 ms.
    unseen = [each for each in sent.accepted if isinstance(each.planned.change, Recheck)]
    visible = [each for each in sent.accepted if not isinstance(each.planned.change, Recheck)]
    seen = {
        **{each.id: Applied() for each in unseen},
        **await verify(tools.server, visible, prepared.expected, tools.clock, removed=removed),
    }
    tools.store.conclude(seen, tools.clock.now())
    outcomes = {**sent.outcomes, **seen}
    concluded = tuple(
        Concluded(each.planned, outcomes[each.id]) for each in entries if each.id in outcomes
    )
    reporter.concluded(concluded)
    if sent.was_stopped:
        rest = " The next run ends the removal that was begun." if begun_removals(tools) else ""
        raise tools.stop.error(f"what was done until then is kept.{rest}")
    return concluded


def _finish(report: RunReport, tools: Tools) -> None:
    tools.store.finish(
        report.run_id,
        RunState.DONE,
        tools.clock.now(),
        stats=report.stats,
        skipped_counts=count_skipped(report.plan),
        executed=report.executed,
        refused=[LeftOut(each.command, str(each.reason)) for each in report.refused],
        warnings=report.warnings,
        exit_code=report.exit_code,
    )
