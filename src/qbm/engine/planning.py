"""Chain the commands: each plans on what the earlier ones will leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qbm.commands.registry import Command
from qbm.config import Config
from qbm.model.plan import Plan
from qbm.model.projection import project
from qbm.model.snapshot import Selection, Snapshot


def plan_run(
    snapshot: Snapshot,
    steps: Sequence[Command],
    config: Config,
    selection: Selection,
    now: datetime,
) -> tuple[Plan, Snapshot]:
    """The plan of a whole run, and the snapshot that it should leave."""
    parts: list[Plan] = []
    for command in steps:
        part = command.plan(snapshot, config, selection, now)
        snapshot = project(snapshot, (each.change for each in part.planned))
        parts.append(part)
    return Plan.joined(parts), snapshot
