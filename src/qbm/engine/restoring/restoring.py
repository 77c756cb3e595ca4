"""Bring one torrent back, in steps that can be taken again after any kill.

1. the intent, in the journal; 2. its files back from the bin, nothing overwritten; 3. it is
added to the server, stopped; 4. name, category, tags, limits and names of files as they were;
5. a recheck, and if it was running, the start; 6. the record says so, and the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from msgspec.structs import replace

from qbm.config import Config
from qbm.engine.carrying import Carrier, brought_to_disk, kept_folders
from qbm.engine.lease import Lease
from qbm.engine.restoring.deciding import is_lost, place, wanted
from qbm.engine.restoring.stock import identities
from qbm.engine.tools import Tools
from qbm.errors import DiskError, RequestFailed, ServerFault
from qbm.gateways import disk
from qbm.gateways.recycle_bin import Bin, FileState, Record, RecordedFile, Records
from qbm.model.paths import PathMap, legible
from qbm.model.plan import Applied, Failed, Outcome, Unconfirmed
from qbm.model.projection import same_limits
from qbm.model.snapshot import Category
from qbm.model.torrent import CHECKING_STATES, Torrent, TorrentFile, TorrentHash, parse_hash
from qbm.store import Step

_PATIENCE: Final = 15.0
"""Seconds for a torrent that was added to show, and for what it is given then."""
_LATEST: Final = 3.0
"""Seconds after which what was asked for shows, if it was done (spec, qbittorrent.md: 2 s)."""
_PAUSES: Final = (0.05, 0.1, 0.25, 0.5)
_BACK: Final = frozenset({FileState.RESTORED, FileState.KEPT})
_WILD: Final = "*?["
_USUAL: Final = 1
_USUAL_ONCE: Final = 4
_UNWANTED: Final = ".unwanted"


class Restorer:
    """Carries out restores for the run that holds ``lease``, one after the other."""

    def __init__(self, lease: Lease, config: Config, tools: Tools) -> None:
        self._lease = lease
        self._config = config
        self._tools = tools
        self._carrier = Carrier(lease)
        self._records = Records(tools.state_dir)
        self._paths = PathMap(config.directory.roots)

    async def go_on(self, entry: int, record: Record, step: Step) -> Outcome:
        """Restore what ``record`` says, from ``step`` on; the journal hears of the next ones.

        Raises:
            Interrupted: a stop was asked for; the next run goes on.
            LeaseLost: another run has the server now.
            ServerError: the server is gone; the next run goes on.
            StoreError: something could not be written down, so nothing more was done.
        """
        if step is not Step.ADDED:
            try:
                record = await asyncio.to_thread(self._as_found, record)
            except DiskError as error:
                return Failed(str(error))
            placed = await self._placed(record)
            if isinstance(placed, Failed):
                return placed
            record = placed
            self._tools.store.reached(entry, Step.PLACED)
            refusal = await self._added(record)
            if refusal is not None:
                return await self._given_back(record, refusal)
            self._tools.store.reached(entry, Step.ADDED)
        self._lease.keep()
        torrent = await self._there(record)
        if torrent is None:
            return Unconfirmed("it was added, but somebody has taken it off the server again")
        complaints = await self._made_as_it_was(record, torrent)
        complaints += await self._looked_through(record, torrent.hash, may_be=step is Step.ADDED)
        now = self._tools.clock.now()
        self._records.save(replace(record, restored_at=now))
        if complaints:
            return Failed(f"{record.name} is back, but not all is as it was: {complaints[0]}")
        return Applied()

    # Its files

    def _as_found(self, record: Record) -> Record:
        """The record without what an earlier attempt has put back and given back again."""
        files = tuple(
            replace(each, state=FileState.MOVED)
            if each.state is FileState.RESTORED
            and disk.stamp(place(each, self._paths)) is None
            and disk.stamp(each.target) is not None
            else each
            for each in record.files
        )
        return replace(record, files=files)

    async def _placed(self, record: Record) -> Record | Failed:
        """The record with its files back in their places; all of them, or none."""
        obstacle = ""
        for position, file in enumerate(record.files):
            if file.state is not FileState.MOVED:
                continue
            try:
                fate = await self._moved_back(file)
            except DiskError as error:
                fate, obstacle = None, str(error)
            if fate is disk.Fate.STOPPED:
                self._records.save(record)
                raise self._tools.stop.error(
                    f"the files of {record.name} are being put back, and the next run goes on "
                    "with that."
                )
            if fate is disk.Fate.DONE:
                at = self._tools.clock.now()
                back = replace(file, state=FileState.RESTORED, at=at)
                record = _with(record, position, back)
            elif fate is not None:
                obstacle = _in_the_way(fate, file, place(file, self._paths))
            if obstacle:
                return await self._given_back(record, Failed(obstacle))
        self._records.save(record)
        await self._swept(record)
        return record

    async def _moved_back(self, file: RecordedFile) -> disk.Fate | None:
        """None for a file that is lost, and whose place nothing has taken."""
        target = place(file, self._paths)
        if not target:
            raise DiskError(f"{legible(file.source)} is not in directory.root_dir any more")
        found = await asyncio.to_thread(disk.stamp, file.target)
        if found is None:
            back = await asyncio.to_thread(disk.stamp, target)
            is_back = back is not None and back.size == file.size
            if not is_back and not await asyncio.to_thread(disk.is_begun, file.target, target):
                return None
        elif await asyncio.to_thread(is_lost, file):
            return None
        expected = found or file.stamp
        if expected is None:
            return None
        return await self._carrier.move(file.target, target, expected, file.source)

    async def _given_back(self, record: Record, failed: Failed) -> Failed:
        """What was put back goes into the bin again, for without its torrent nobody owns it."""
        for position, file in enumerate(record.files):
            if file.state is not FileState.RESTORED:
                continue
            home = place(file, self._paths)
            try:
                found = await asyncio.to_thread(disk.stamp, home)
                if found is None:
                    continue
                fate = await self._carrier.move(home, file.target, found, file.source)
            except DiskError:
                continue  # it stays where it was put, whole; the record says so
            if fate is disk.Fate.DONE:
                record = _with(record, position, replace(file, state=FileState.MOVED))
        self._records.save(record)
        await self.tidy(record)
        return failed

    async def tidy(self, record: Record) -> None:
        """Take away the folders that were made for files which did not come back."""
        homes = {_folder_of(place(each, self._paths)) for each in record.files if each.target}
        with contextlib.suppress(DiskError):  # empty folders do no harm
            keep = kept_folders(self._config, await self._categories())
            await asyncio.to_thread(disk.remove_empty_folders, homes, keep=keep)

    async def _swept(self, record: Record) -> None:
        """Folders of the bin that are empty now go; the names at home survive a power cut."""
        back = [each for each in record.files if each.state is FileState.RESTORED]
        homes = {_folder_of(place(each, self._paths)) for each in back}
        bins = Bin.of(self._config)
        keep = [
            *kept_folders(self._config, await self._categories()),
            *filter(None, (bins.folder(each.source, record.save_path) for each in back)),
        ]
        try:
            await asyncio.to_thread(brought_to_disk, homes)
            left = {_folder_of(each.target) for each in back}
            await asyncio.to_thread(disk.remove_empty_folders, left, keep=[*keep, *homes])
        except DiskError as error:
            self._tools.log.warning("warning", text=str(error))

    # The torrent

    async def _added(self, record: Record) -> Failed | None:
        """Have the server show it; None if it does."""
        if await self._there(record) is not None:
            return None
        server, torrent = self._tools.server, self._torrent(record)
        is_incomplete = record.progress < 1
        try:
            await self._categorized(record)
            await server.add(
                torrent,
                save_path=record.save_path,
                category=record.category,
                download_path=record.download_path if is_incomplete else "",
            )
        except ServerFault:
            pass  # it may have been done all the same: what the server shows will tell
        except RequestFailed as error:
            # A request that was sent twice, for its answer got lost, is refused as a duplicate.
            if await self._there(record, patience=_LATEST) is None:
                return Failed(str(error))
        if await self._there(record, patience=_PATIENCE) is None:
            return Failed("qBittorrent was asked to add it, but does not show it")
        return None

    def _torrent(self, record: Record) -> bytes:
        kept = self._records.kept(record)
        return next((raw for name, raw in kept.items() if name.endswith(".torrent")), b"")

    async def _categorized(self, record: Record) -> None:
        """Make its category again if it is gone, with the save path that it had."""
        name = record.category
        if not name or name in await self._tools.server.categories():
            return
        plain = [each for each in self._config.cat.get(name, ()) if not _is_pattern(each)]
        folder = plain[0] if plain else record.save_path if record.auto_tmm else ""
        await self._tools.server.create_category(name, folder)

    async def _there(self, record: Record, patience: float = 0.0) -> Torrent | None:
        """The torrent as the server shows it within ``patience`` seconds, by any of its hashes."""
        return await self._seen(record, lambda _: True, patience)

    async def _seen(
        self, record: Record, is_right: Callable[[Torrent], bool], patience: float
    ) -> Torrent | None:
        """The torrent once it is right and settled, or what it is in the end."""
        server, clock = self._tools.server, self._tools.clock
        hashes = [each for text in identities(record) if (each := parse_hash(text)) is not None]
        deadline = clock.monotonic() + patience
        pauses = iter(_PAUSES)
        while True:
            shown = await server.snapshot(frozenset(), hashes=hashes)
            found = next(iter(shown.torrents.values()), None)
            if found is not None and is_right(found):
                return found
            if clock.monotonic() >= deadline:
                return found
            await clock.sleep(next(pauses, _PAUSES[-1]))

    # As it was

    async def _made_as_it_was(self, record: Record, torrent: Torrent) -> list[str]:
        """Give it what it had; answers what could not be done."""
        server, known = self._tools.server, torrent.hash
        complaints: list[str] = []

        async def ensure(doing: Awaitable[None]) -> bool:
            try:
                await doing
            except RequestFailed as error:
                complaints.append(str(error))
                return False
            return True

        if record.name and torrent.name != record.name:
            await ensure(server.rename(known, record.name))
        if torrent.category != record.category:
            await ensure(self._categorized(record))
            await ensure(server.set_category([known], record.category))
        if tags := sorted({*record.tags} - torrent.tags):
            await ensure(server.add_tags([known], tags))
        if not same_limits(torrent.share_limits, record.share_limits):
            await ensure(server.set_share_limits([known], record.share_limits))
        if torrent.up_limit != record.up_limit:
            await ensure(server.set_upload_limit([known], record.up_limit))
        await self._listed_as_it_was(record, known, ensure)
        if record.auto_tmm and await self._is_at_home(record):
            await ensure(server.set_auto_management([known], enabled=True))
        if not complaints:
            seen = await self._seen(record, lambda shown: not _differing(record, shown), _PATIENCE)
            if seen is not None and (differing := _differing(record, seen)):
                complaints.append(f"qBittorrent does not show the same {', '.join(differing)}")
        return complaints

    async def _looked_through(
        self, record: Record, known: TorrentHash, *, may_be: bool
    ) -> list[str]:
        """Have its content checked, and what was running started; what could not be done.

        ``may_be`` says that an earlier run may have asked for it: one that is asked for a
        second time while it is under way never ends (4.5 and later).
        """
        server = self._tools.server
        is_known = may_be and await self._is_checked(record)
        try:
            if not is_known:
                await server.recheck([known])
            if not record.is_stopped and _is_whole(record):
                # From 4.5 on a stopped torrent is started for its check and stopped at the end
                # of it; only one that was stopped in between is started by a start.
                await server.stop([known])
                await server.start([known])
        except RequestFailed as error:
            return [str(error)]
        return []

    async def _is_checked(self, record: Record) -> bool:
        """Its check shows, or has found something; it may show late."""

        def shows(torrent: Torrent) -> bool:
            return torrent.state in CHECKING_STATES or torrent.progress > 0

        seen = await self._seen(record, shows, _LATEST)
        return seen is not None and shows(seen)

    async def _listed_as_it_was(
        self,
        record: Record,
        known: TorrentHash,
        ensure: Callable[[Awaitable[None]], Awaitable[bool]],
    ) -> None:
        """Files that were renamed or not to be downloaded are so again."""
        server = self._tools.server
        files = await self._files(known)
        if len(files) != len(record.listing):
            return
        for priority in {_rank(each) for each in record.listing}:
            indexes = [
                index
                for index, (file, was) in enumerate(zip(files, record.listing, strict=True))
                if _rank(was) == priority != _rank(file)
            ]
            if indexes:
                await ensure(server.set_file_priority(known, indexes, priority))
        names = [each.name for each in await self._files(known)]
        renamed = {
            index: was.name
            for index, (old, was) in enumerate(zip(names, record.listing, strict=True))
            if _bare(old) != _bare(was.name)
            and await ensure(server.rename_file(known, index, old, was.name))
        }
        deadline = self._tools.clock.monotonic() + _PATIENCE
        while self._tools.clock.monotonic() < deadline:
            names = [each.name for each in await self._files(known)]
            if all(names[index] == name for index, name in renamed.items()):
                return
            await self._tools.clock.sleep(_PAUSES[1])

    async def _files(self, known: TorrentHash) -> Sequence[TorrentFile]:
        return (await self._tools.server.files([known])).get(known) or ()

    async def _categories(self) -> Collection[Category]:
        return (await self._tools.server.categories()).values()

    async def _is_at_home(self, record: Record) -> bool:
        """Automatic management would leave its content where it is."""
        category = (await self._tools.server.categories()).get(record.category)
        return category is not None and category.folder == record.save_path


def _differing(record: Record, torrent: Torrent) -> list[str]:
    """What the torrent does not have yet of what it had."""
    same: Mapping[str, bool] = {
        "name": torrent.name == record.name or not record.name,
        "category": torrent.category == record.category,
        "tags": torrent.tags.issuperset(record.tags),
        "share limits": same_limits(torrent.share_limits, record.share_limits),
        "upload limit": torrent.up_limit == record.up_limit,
    }
    return [what for what, is_same in same.items() if not is_same]


def _is_whole(record: Record) -> bool:
    """All of its content was there and is there again: the server will find it complete."""
    there = {each.name for each in record.files if each.state in _BACK}
    return record.progress >= 1 and bool(there) and there >= wanted(record)


def _rank(file: TorrentFile) -> int:
    """The priority; 4.2.5 has another number for the usual one."""
    return _USUAL if file.priority == _USUAL_ONCE else file.priority


def _bare(name: str) -> str:
    """``name`` without the folder in which 4.2.5 keeps by itself what is not wanted."""
    return "/".join(each for each in name.split("/") if each != _UNWANTED)


def _in_the_way(fate: disk.Fate, file: RecordedFile, target: str) -> str:
    if fate is disk.Fate.OCCUPIED:
        return f"something else is at {legible(target)}: move that away first"
    return f"{legible(file.target)} was changed or taken away meanwhile"


def _with(record: Record, position: int, file: RecordedFile) -> Record:
    files = (*record.files[:position], file, *record.files[position + 1 :])
    return replace(record, files=files)


def _folder_of(path: str) -> str:
    return str(PurePath(path).parent)


def _is_pattern(entry: str) -> bool:
    return any(each in entry for each in _WILD)
