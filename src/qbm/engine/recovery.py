"""Settle what a killed run left open, before anything else is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from qbm.engine.batches import Numbered
from qbm.engine.counting import count
from qbm.engine.verify import NOT_SEEN, verify
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.change import FileChange, RemoveTorrent, RestoreTorrent
from qbm.model.plan import Applied, Outcome, Planned, Unconfirmed
from qbm.model.snapshot import Snapshot
from qbm.store import Intent, Store

_LATEST: Final = timedelta(seconds=2.5)
"""How long after a request its effect may still show up (spec, qbittorrent.md: 2 s)."""
_NOTHING_KNOWN: Final = Snapshot({}, {}, is_whole=False)
CUT_OFF: Final = Unconfirmed("the run was cut off, and qBittorrent does not show it")


async def settle(server: QBittorrent, store: Store, identity: str, clock: Clock) -> int:
    """Conclude the open intents of this server by what it shows now; how many there were.

    Each is one request that the server took whole or not at all, so nothing is half done:
    what did not take effect is planned anew by this run, if the config still wants it. What
    did counts for the run that asked for it. Removals and restores, which are made of steps,
    are left to ``removal.finishing`` and ``restoring.finishing``, files to ``clearing``.
    """
    intents = [
        each
        for each in store.open_intents(identity)
        if not is_removal(each) and not is_restore(each) and not is_about_file(each)
    ]
    if not intents:
        return 0
    entries = [Numbered(each.id, each.planned) for each in intents]
    seen = await verify(server, entries, _NOTHING_KNOWN, clock, patience_with(intents, clock))
    outcomes = {
        number: CUT_OFF if outcome == NOT_SEEN else outcome for number, outcome in seen.items()
    }
    conclude(intents, outcomes, store, clock)
    return len(intents)


def is_removal(intent: Intent) -> bool:
    """It removes a torrent."""
    return isinstance(intent.planned.change, RemoveTorrent)


def is_restore(intent: Intent) -> bool:
    """It brings a torrent back."""
    return isinstance(intent.planned.change, RestoreTorrent)


def is_about_file(intent: Intent) -> bool:
    """It moves or deletes a file that no torrent owns."""
    return isinstance(intent.planned.change, FileChange)


def patience_with(intents: Sequence[Intent], clock: Clock) -> float:
    """Seconds for which what was sent last may still show up; 0 or less if it would have."""
    newest = max(each.intended_at for each in intents)
    # A clock that was set back must not make anybody wait for hours.
    return min(newest + _LATEST - clock.now(), _LATEST).total_seconds()


def conclude(
    intents: Sequence[Intent], outcomes: Mapping[int, Outcome], store: Store, clock: Clock
) -> None:
    """Write down what came of the intents of earlier runs, and count what was done.

    The counters first: whoever is killed in between finds the intents still open.
    """
    for run_id in {each.run_id for each in intents}:
        store.correct(run_id, count([*store.applied(run_id), *_done(run_id, intents, outcomes)]))
    store.conclude(outcomes, clock.now())


def _done(
    run_id: str, intents: Sequence[Intent], outcomes: Mapping[int, Outcome]
) -> Iterator[Planned]:
    """What turns out to have been done of a run's intents."""
    for each in intents:
        if each.run_id == run_id and isinstance(outcomes[each.id], Applied):
            yield each.planned
