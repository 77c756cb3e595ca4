"""The only place that changes the world: batch by batch, journaled before and after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from qbm.engine.batches import Numbered, batches
from qbm.engine.reading import reread
from qbm.engine.stop import Stop
from qbm.errors import Interrupted, RequestFailed, ServerFault
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.change import (
    AddTags,
    Change,
    CreateCategory,
    DeleteFile,
    FileChange,
    MoveFile,
    Recheck,
    RemoveTags,
    RemoveTorrent,
    RestoreTorrent,
    SetAutoManagement,
    SetCategory,
    SetPreferences,
    SetShareLimits,
    SetUploadLimit,
    Start,
    torrent_of,
)
from qbm.model.plan import Failed, Outcome, Stale
from qbm.model.projection import expects, project
from qbm.model.snapshot import Snapshot
from qbm.store import Store

FRESH_FOR: Final = 1.0
"""Seconds for which facts count as fresh; older ones are read again before a batch."""
_MOVED_ON: Final = "it was changed by someone else meanwhile"


class Sent(Struct, frozen=True):
    """What the server accepted, what became of the rest, and whether a stop cut it short."""

    accepted: tuple[Numbered, ...]
    outcomes: Mapping[int, Outcome]
    was_stopped: bool


class Facts(Struct, frozen=True):
    """A snapshot, and the ``Clock.monotonic`` second at which it was read."""

    snapshot: Snapshot
    read_at: float


class Executor(Struct, frozen=True, kw_only=True):
    """Sends a plan's changes.

    ``hold`` keeps the lease, or raises LeaseLost; ``sending`` hears of each batch. ``remove``
    carries out a removal, ``clear`` moves or deletes files that nobody owns, both given the
    number of the batch: they journal and look for themselves.
    """

    server: QBittorrent
    store: Store
    clock: Clock
    stop: Stop
    hold: Callable[[], None]
    sending: Callable[[Sequence[Numbered]], None]
    remove: Callable[[int, Numbered], Awaitable[Outcome]]
    clear: Callable[[int, Sequence[Numbered]], Awaitable[Mapping[int, Outcome]]]

    async def apply(self, entries: Sequence[Numbered], facts: Facts) -> Sent:
        """Send every change that still fits, batch by batch; between two, heed a stop.

        Raises:
            LeaseLost: another run has taken over; nothing more was sent.
            StoreError: the journal could not be written; nothing more was sent.
            ServerError: the server is gone; what is open in the journal is settled by the
                next run.
        """
        accepted: list[Numbered] = []
        outcomes: dict[int, Outcome] = {}
        for number, batch in enumerate(batches(entries)):
            if self.stop.is_requested:
                return Sent(tuple(accepted), outcomes, was_stopped=True)
            self.hold()
            try:
                if isinstance(batch[0].planned.change, RemoveTorrent):
                    outcomes |= await self._removed(number, batch)
                    continue
                if isinstance(batch[0].planned.change, FileChange):
                    outcomes |= await self.clear(number, batch)
                    continue
                facts = await self.stop.unless(self._fresh(facts, batch))
            except Interrupted:
                return Sent(tuple(accepted), outcomes, was_stopped=True)
            fitting = [each for each in batch if expects(each.planned.change, facts.snapshot)]
            fits = {each.id for each in fitting}
            lost: dict[int, Outcome] = {
                each.id: _stale(each.planned.change, facts.snapshot)
                for each in batch
                if each.id not in fits
            }
            if fitting:
                lost |= await self._sent(number, fitting)
            if lost:
                self.store.conclude(lost, self.clock.now())
                outcomes |= lost
            done = [each for each in fitting if each.id not in lost]
            accepted += done
            left = project(facts.snapshot, (each.planned.change for each in done))
            facts = Facts(left, facts.read_at)
        return Sent(tuple(accepted), outcomes, was_stopped=False)

    async def _removed(self, number: int, batch: Sequence[Numbered]) -> dict[int, Outcome]:
        return {each.id: await self.remove(number, each) for each in batch}

    async def _fresh(self, facts: Facts, batch: Sequence[Numbered]) -> Facts:
        """``facts``, read again if they are older than ``FRESH_FOR``: for this batch, or whole.

        What was read for one batch tells nothing of the next, so its time stays the old one.
        """
        now = self.clock.monotonic()
        if now - facts.read_at < FRESH_FOR:
            return facts
        seen = await reread(self.server, batch, facts.snapshot)
        # A category that was made just now may not show yet.
        categories = {**facts.snapshot.categories, **seen.categories}
        snapshot = replace(seen, categories=categories)
        return Facts(snapshot, now if snapshot.is_whole else facts.read_at)

    async def _sent(self, number: int, batch: Sequence[Numbered]) -> dict[int, Outcome]:
        """Journal and send one batch; its outcomes if the server refused it, else none."""
        self.store.intend([each.id for each in batch], number, self.clock.now())
        self.sending(batch)
        try:
            await send(self.server, [each.planned.change for each in batch])
        except ServerFault:
            return {}  # it may have been done all the same: what the server shows will tell
        except RequestFailed as error:
            return {each.id: Failed(str(error)) for each in batch}
        return {}


def _stale(change: Change, seen: Snapshot) -> Stale:
    """Why a change no longer fits."""
    if isinstance(change, SetCategory) and change.after not in {"", *seen.categories}:
        return Stale(f"there is no category {change.after}")
    return Stale(_MOVED_ON)


async def send(server: QBittorrent, equal: Sequence[Change]) -> None:
    """One request for changes that are equal but for their torrent."""
    first = equal[0]
    hashes = [torrent for each in equal if (torrent := torrent_of(each)) is not None]
    match first:
        case CreateCategory(name=name, save_path=save_path):
            await server.create_category(name, save_path)
        case SetPreferences(before=before, after=limits):
            await server.set_global_limits(limits, before)
        case SetCategory(after=category):
            await server.set_category(hashes, category)
        case SetAutoManagement(after=enabled):
            await server.set_auto_management(hashes, enabled)
        case AddTags(tags=tags):
            await server.add_tags(hashes, tags)
        case RemoveTags(tags=tags):
            await server.remove_tags(hashes, tags)
        case SetShareLimits(after=share_limits):
            await server.set_share_limits(hashes, share_limits)
        case SetUploadLimit(after=speed):
            await server.set_upload_limit(hashes, speed)
        case Start():
            await server.start(hashes)
        case Recheck():
            await server.recheck(hashes)
        case RemoveTorrent() | RestoreTorrent() | MoveFile() | DeleteFile():
            raise ValueError(f"no single request: {type(first).__name__}")
        case _:
            assert_never(first)
