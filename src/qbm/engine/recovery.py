"""Settle what a killed run left open, before anything else is done."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from qbm.engine.batches import Numbered
from qbm.engine.verify import verify
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.plan import Applied, Failed, Outcome
from qbm.model.snapshot import Snapshot
from qbm.store import Store

_LATEST: Final = timedelta(seconds=2.5)
"""How long after a request its effect may still show up (spec, qbittorrent.md: 2 s)."""
_NOTHING_KNOWN: Final = Snapshot({}, {}, is_whole=False)
_CUT_OFF: Final = Failed("the run was cut off before this took effect")


async def settle(server: QBittorrent, store: Store, identity: str, clock: Clock) -> int:
    """Conclude the open intents of this server by what it shows now; how many there were.

    Each is one request that the server took whole or not at all, so nothing is half done:
    what did not take effect is planned anew by this run, if the config still wants it.
    """
    intents = store.open_intents(identity)
    if not intents:
        return 0
    entries = [Numbered(each.id, each.planned) for each in intents]
    newest = max(each.intended_at for each in intents)
    patience = (newest + _LATEST - clock.now()).total_seconds()
    seen = await verify(server, entries, _NOTHING_KNOWN, clock, patience)
    outcomes: dict[int, Outcome] = {
        number: outcome if isinstance(outcome, Applied) else _CUT_OFF
        for number, outcome in seen.items()
    }
    store.conclude(outcomes, clock.now())
    return len(intents)
