"""A run that restores: what is asked for is planned, journaled and carried out, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TypeAlias

from msgspec.structs import replace

from qbm.config import Config
from qbm.engine.counting import count
from qbm.engine.lease import Lease
from qbm.engine.report import Reporter
from qbm.engine.request import Concluded, Mode, RunReport, RunRequest
from qbm.engine.restoring.deciding import Obstacle, decided
from qbm.engine.restoring.orphans import Homeless, Returner, homecoming
from qbm.engine.restoring.restoring import Restorer
from qbm.engine.restoring.stock import Restorable, Stock, newest, of_server, stock
from qbm.engine.tools import Neighbour, Tools, Unheard
from qbm.errors import DiskError
from qbm.gateways.recycle_bin import Record, Records
from qbm.model.change import MoveFile, RestoreTorrent
from qbm.model.command import CommandName
from qbm.model.paths import legible
from qbm.model.plan import Outcome, Plan, Planned, Refused
from qbm.model.reason import Code, because, together
from qbm.model.snapshot import Snapshot
from qbm.store import Step

_Found: TypeAlias = Mapping[str, Restorable]
"""What is to be restored, by the hash of its record."""


async def restored(
    lease: Lease, request: RunRequest, config: Config, tools: Tools, started: float
) -> RunReport:
    """Restore what ``request.hashes`` names: torrents by a hash, orphans by their path.

    The server is connected, and what earlier runs have left half done is done. What is not of
    this config's server and bins is passed over. ``started`` is the clock's monotonic second
    at which the run began.

    Raises:
        QbmError: as ``engine.run.carry_out`` does.
    """
    shown = await tools.stop.unless(tools.server.snapshot(frozenset()))
    known = await asyncio.to_thread(stock, config, tools.state_dir)
    ours = await _ours(known, config, tools)
    found = _found(request, ours, lease)
    plan = await asyncio.to_thread(_planned, request, found, shown, config, tools)
    names = {each.record.hash: each.record.name for each in found.values()}
    reporter = Reporter(tools.log, names, request.mode)
    reporter.decided(plan)
    tools.store.supersede(lease.run_id, tools.clock.now())
    numbers = tools.store.record(lease.run_id, plan.planned, names)
    done: Sequence[Planned] = plan.planned
    concluded: tuple[Concluded, ...] = ()
    if request.mode is Mode.DRY:
        reporter.changing(plan.planned)
    else:
        restoring = _Restoring(lease, config, tools, found, reporter)
        concluded = await restoring.carry_out(numbers, plan.planned)
        reporter.concluded(concluded)
        done = tools.store.applied(lease.run_id)
    return RunReport(
        run_id=lease.run_id,
        config_file=request.config_file,
        mode=request.mode,
        executed=(CommandName.RESTORE,),
        plan=plan,
        concluded=concluded,
        refused=plan.refused,
        warnings=tuple(_of_others(request, known, ours)),
        stats=count(done),
        names=names,
        torrents=len(shown.torrents),
        seconds=tools.clock.monotonic() - started,
    )


async def _ours(known: Stock, config: Config, tools: Tools) -> tuple[Restorable, ...]:
    """What was removed from this server, or from one that no config names any more."""
    runs = {each.record.run_id for each in known.torrents}
    servers = {each: run.server for each in runs if (run := tools.store.run(each)) is not None}
    around = await tools.look_around()
    if any(isinstance(each, Unheard) for each in around.neighbours):
        return of_server(known, config, tools.identity, servers)
    named = {each.identity for each in around.neighbours if isinstance(each, Neighbour)}
    present = {run: server for run, server in servers.items() if server in {*named, tools.identity}}
    return of_server(known, config, tools.identity, present)


def _found(request: RunRequest, ours: Sequence[Restorable], lease: Lease) -> _Found:
    """What the request names; what the older tool has removed is this run's from now on."""
    meant = (newest(ours, each.lower()) for each in request.hashes)
    return {
        each.record.hash: each
        if each.copy is None
        else replace(each, record=replace(each.record, run_id=lease.run_id))
        for each in meant
        if each is not None
    }


def _of_others(request: RunRequest, known: Stock, ours: Sequence[Restorable]) -> Iterator[str]:
    for each in request.hashes:
        there = newest(known.torrents, each.lower())
        if there is not None and newest(ours, each.lower()) is None:
            yield (
                f"{there.record.name} was removed from another server than that of "
                f"{request.config_file}: nothing was done for it there."
            )


def _planned(
    request: RunRequest, found: _Found, shown: Snapshot, config: Config, tools: Tools
) -> Plan:
    planned: list[Planned] = []
    refused: list[Refused] = []

    def refuse(what: str, why: str) -> None:
        reason = because(Code.NOT_RESTORED, what=what, why=why)
        refused.append(Refused(CommandName.RESTORE, reason))

    for each in found.values():
        record = each.record
        try:
            torrent = _torrent(each, tools)
            decision = decided(each, torrent, shown, config, is_partly=request.is_partly)
        except DiskError as error:
            decision = Obstacle(str(error))
        if isinstance(decision, Obstacle):
            refuse(record.name, decision.why)
            continue
        removed_at = f"{record.removed_at:%Y-%m-%d %H:%M}"
        reason = because(Code.RESTORED, removed_at=removed_at, why=record.reason)
        if decision.lost:
            lost = because(Code.RESTORED_IN_PART, lost=", ".join(decision.lost))
            reason = together([reason, lost])
        planned.append(Planned(decision.change, CommandName.RESTORE, reason))
    paths = [each for each in request.hashes if each.startswith("/")]
    for one in homecoming(paths, tools.store.orphans(), config):
        if isinstance(one, Homeless):
            refuse(legible(one.path), one.why)
        else:
            planned.append(one)
    return Plan(planned=tuple(planned), refused=tuple(refused))


def _torrent(restorable: Restorable, tools: Tools) -> bytes:
    """The ``.torrent``; b"" if none was kept."""
    if restorable.copy is not None:
        return restorable.copy
    kept = Records(tools.state_dir).kept(restorable.record)
    return next((raw for name, raw in kept.items() if PurePath(name).suffix == ".torrent"), b"")


class _Restoring:
    """Carries out what was planned."""

    def __init__(
        self, lease: Lease, config: Config, tools: Tools, found: _Found, reporter: Reporter
    ) -> None:
        self._lease = lease
        self._tools = tools
        self._found = found
        self._reporter = reporter
        self._restorer = Restorer(lease, config, tools)
        self._returner = Returner(lease, config, tools)
        self._records = Records(tools.state_dir)

    async def carry_out(
        self, numbers: Sequence[int], planned: Sequence[Planned]
    ) -> tuple[Concluded, ...]:
        """Each in turn; what is open in the journal afterwards, the next run ends.

        Raises:
            QbmError: as ``restored`` does.
        """
        concluded: list[Concluded] = []
        try:
            for batch, (entry, each) in enumerate(zip(numbers, planned, strict=True)):
                if self._tools.stop.is_requested:
                    raise self._tools.stop.error("what was not restored is in its bin.")
                self._lease.keep()
                outcome = await self._restored(entry, batch, each)
                self._tools.store.conclude({entry: outcome}, self._tools.clock.now())
                concluded.append(Concluded(each, outcome))
        finally:
            moves = [one.planned.change for one in concluded]
            await self._returner.sweep([each for each in moves if isinstance(each, MoveFile)])
        return tuple(concluded)

    async def _restored(self, entry: int, batch: int, planned: Planned) -> Outcome:
        match planned.change:
            case RestoreTorrent(hash=torrent):
                record = self._written_down(self._found[torrent])
                self._begin(entry, batch, planned)
                return await self._restorer.go_on(entry, record, Step.BEGUN)
            case MoveFile():
                self._begin(entry, batch, planned)
                return await self._returner.bring_back(planned.change)
            case _:
                raise ValueError(f"nothing to restore: {planned.change}")

    def _written_down(self, restorable: Restorable) -> Record:
        """The record, also of what the older tool has removed: else nobody could finish this."""
        if restorable.copy is None:
            return restorable.record
        record = restorable.record
        return self._records.save(record, {f"{record.hash}.torrent": restorable.copy})

    def _begin(self, entry: int, batch: int, planned: Planned) -> None:
        self._tools.store.intend([entry], batch, self._tools.clock.now())
        self._reporter.changing([planned])
