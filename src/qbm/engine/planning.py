"""Chain the commands: each plans on what the earlier ones will leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from qbm.commands.registry import Command
from qbm.config import Config
from qbm.model.change import RemoveTorrent
from qbm.model.plan import Plan, Planned, Skipped
from qbm.model.projection import project
from qbm.model.reason import Reason
from qbm.model.snapshot import Selection, Snapshot
from qbm.model.torrent import TorrentHash


def plan_run(
    snapshot: Snapshot,
    steps: Sequence[Command],
    config: Config,
    selection: Selection,
    now: datetime,
    *,
    spared: Mapping[TorrentHash, Reason] | None = None,
) -> tuple[Plan, Snapshot]:
    """The plan of a whole run, and the snapshot that it should leave.

    ``spared`` torrents are not removed, each for its reason; the commands that follow see
    them as they are.
    """
    parts: list[Plan] = []
    for command in steps:
        part = command.plan(snapshot, config, selection, now)
        if spared:
            part = _sparing(part, spared)
        snapshot = project(snapshot, (each.change for each in part.planned))
        parts.append(part)
    return Plan.joined(parts), snapshot


def removals(plan: Plan) -> tuple[tuple[Planned, RemoveTorrent], ...]:
    """The planned removals, in their order."""
    return tuple(
        (each, each.change) for each in plan.planned if isinstance(each.change, RemoveTorrent)
    )


def _sparing(part: Plan, spared: Mapping[TorrentHash, Reason]) -> Plan:
    left = {
        change.hash: Skipped(change.hash, planned.command, spared[change.hash])
        for planned, change in removals(part)
        if change.hash in spared
    }
    staying = tuple(
        each
        for each in part.planned
        if not (isinstance(each.change, RemoveTorrent) and each.change.hash in left)
    )
    return replace(part, planned=staying, skipped=(*part.skipped, *left.values()))
