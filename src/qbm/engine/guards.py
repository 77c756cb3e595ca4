"""A plan's removals before anything is applied: how many they are, and what their files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec.structs import replace

from qbm.config import Config
from qbm.engine.checks import too_many
from qbm.engine.neighbours import everyone
from qbm.engine.planning import removals
from qbm.engine.removal.deciding import Owners, with_decisions
from qbm.engine.tools import Tools
from qbm.model.plan import Plan
from qbm.model.reason import Reason
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import TorrentHash

Replanned: TypeAlias = Callable[[Mapping[TorrentHash, Reason]], tuple[Plan, Snapshot]]
"""Plans again without the removal of some torrents, each spared for its reason."""


async def guarded(
    plan: Plan,
    expected: Snapshot,
    replanned: Replanned,
    snapshot: Snapshot,
    config: Config,
    tools: Tools,
) -> tuple[Plan, Snapshot]:
    """The plan without removals that must not be, and the snapshot that it should leave.

    What is removed knows what becomes of its files.

    Raises:
        ServerError: lists of files could not be read from the server.
    """
    if refusal := too_many(plan, snapshot, config):
        plan, expected = replanned(refusal.spared)
        return replace(plan, refused=(*plan.refused, *refusal.refused)), expected
    spared: dict[TorrentHash, Reason] = {}
    if not removals(plan):
        return plan, expected
    owners = Owners(await everyone(snapshot, config, tools), config, tools.server)
    while removed := [snapshot.torrents[change.hash] for _, change in removals(plan)]:
        found = await owners.decide(removed)
        if not found.spared:
            return with_decisions(plan, found.known), expected
        # Those that stay own their files again, so the others are looked at once more.
        spared |= found.spared
        plan, expected = replanned(spared)
    return plan, expected
