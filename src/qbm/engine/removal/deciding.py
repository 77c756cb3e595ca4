"""What becomes of the files of torrents that are to be removed; looked up, nothing touched.

A file may leave its place only if no torrent that stays owns it. Where that cannot be told,
the torrent is spared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from qbm.config import Config
from qbm.engine.content import with_files
from qbm.engine.neighbours import Everyone
from qbm.engine.planning import removals
from qbm.engine.removal.entries import OnDisk, OrByName
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.gateways.qbittorrent import QBittorrent
from qbm.gateways.recycle_bin import Bin
from qbm.model.change import Content, Disposal, RemoveTorrent
from qbm.model.ownership import Division, Entries, Regions, divided
from qbm.model.paths import PathMap
from qbm.model.plan import Plan
from qbm.model.reason import Code, Reason, because, together
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN

_NAMES_LISTED = 3


class Decision(Struct, frozen=True):
    """What becomes of one torrent's files, and what there is to say about it."""

    content: Content
    division: Division
    reasons: tuple[Reason, ...] = ()


class Decisions(Struct, frozen=True):
    """Of the torrents to be removed, by hash; ``spared`` are those that cannot be, and why."""

    known: Mapping[TorrentHash, Decision]
    spared: Mapping[TorrentHash, Reason]


def with_decisions(plan: Plan, known: Mapping[TorrentHash, Decision]) -> Plan:
    """``plan`` with what becomes of each removed torrent's files."""
    decided = {
        change.hash: replace(
            planned,
            change=replace(change, content=known[change.hash].content),
            reason=together([planned.reason, *known[change.hash].reasons]),
        )
        for planned, change in removals(plan)
        if change.hash in known
    }
    return replace(
        plan,
        planned=tuple(
            decided.get(each.change.hash, each) if isinstance(each.change, RemoveTorrent) else each
            for each in plan.planned
        ),
    )


class Owners:
    """Whose the files are, at one moment: ``everyone`` has the torrents of all servers.

    Disk and servers are asked only for what the torrents to be removed may share, and once.
    """

    def __init__(self, everyone: Everyone, config: Config, server: QBittorrent) -> None:
        self._everyone = everyone
        self._torrents = dict(everyone.torrents)
        self._server = server
        self._config = config
        self._paths = PathMap(config.directory.roots)
        self._bin = Bin.of(config)
        self._on_disk = OnDisk(everyone.paths)
        has_bin = config.recyclebin.enabled
        self._entries: Entries = self._on_disk if has_bin else OrByName(self._on_disk)
        self._regions: Regions | None = None

    async def decide(self, removed: Sequence[Torrent]) -> Decisions:
        """What becomes of the files of ``removed``, in the order of their removal.

        Raises:
            ServerError: lists of files could not be read from the server.
        """
        hashes = [each.hash for each in removed]
        if self._everyone.unheard:
            config_file, why = self._everyone.unheard[0]
            unheard = because(Code.CONTENT_UNHEARD, config_file=config_file, why=why)
            return Decisions({}, dict.fromkeys(hashes, unheard))
        listed = await with_files(self._server, {each.hash: each for each in removed}, hashes)
        leaving = [listed[each] for each in hashes]
        try:
            rivals = await asyncio.to_thread(self._rivals, leaving)
        except DiskError as error:
            reason = because(Code.CONTENT_UNREADABLE, why=str(error))
            return Decisions({}, dict.fromkeys(hashes, reason))
        others = {each for some in rivals for each in some}
        self._torrents |= await self._everyone.listed_anew(
            [each for each in others if self._lacks_files(each)]
        )
        return await asyncio.to_thread(self._decisions, leaving, rivals)

    def forget(self, torrent: TorrentHash) -> None:
        """Let one that is gone be no owner any more of what it shared with the next."""
        self._torrents.pop(torrent, None)

    def _lacks_files(self, torrent: TorrentHash) -> bool:
        return torrent in self._torrents and self._torrents[torrent].files is UNKNOWN

    def _rivals(self, leaving: Iterable[Torrent]) -> list[list[TorrentHash]]:
        """For each of ``leaving``, the torrents that might own some of its files."""
        if self._regions is None:
            torrents = self._torrents.values()
            self._regions = Regions.of(torrents, self._entries, self._on_disk.links)
        return [self._regions.rivals(each) for each in leaving]

    def _decisions(
        self, leaving: Sequence[Torrent], rivals: Sequence[Collection[TorrentHash]]
    ) -> Decisions:
        """Of each of ``leaving``: one that leaves earlier is no owner any more."""
        known: dict[TorrentHash, Decision] = {}
        spared: dict[TorrentHash, Reason] = {}
        for torrent, others in zip(leaving, rivals, strict=True):
            staying = [
                self._torrents[each]
                for each in others
                if each in self._torrents and each not in known
            ]
            try:
                decision = self._decision(torrent, staying)
            except DiskError as error:
                decision = because(Code.CONTENT_UNREADABLE, why=str(error))
            if isinstance(decision, Decision):
                known[torrent.hash] = decision
            else:
                spared[torrent.hash] = decision
        return Decisions(known, spared)

    def _decision(self, torrent: Torrent, staying: Sequence[Torrent]) -> Decision | Reason:
        division = divided(torrent, staying, self._entries)
        if division.unknown:
            names = _names(division.unknown, self._torrents)
            return because(Code.CONTENT_UNKNOWN, torrents=names)
        shared = {each.owner: None for each in division.shared}
        reasons = (
            *(
                [because(Code.CONTENT_SHARED, torrents=_names([*shared], self._torrents))]
                * bool(shared)
            ),
            *([because(Code.NOT_RESTORABLE)] * (not self._can_restore())),
        )
        if not self._config.recyclebin.enabled:
            return self._deleted(division, reasons)
        return self._recycled(torrent, division, reasons)

    def _can_restore(self) -> bool:
        exports = self._server.server.capabilities.export
        return exports or self._config.directory.torrents_dir is not None

    def _deleted(self, division: Division, reasons: tuple[Reason, ...]) -> Decision:
        """Without a bin: by the server, or one by one where some stay."""
        if not division.shared:
            return _decided(Disposal.SERVER_DELETES, division, reasons)
        if self._outside(division):
            return _kept(division, (*reasons, because(Code.CONTENT_OUTSIDE_ROOTS)))
        return _decided(Disposal.DELETE, division, reasons)

    def _recycled(
        self, torrent: Torrent, division: Division, reasons: tuple[Reason, ...]
    ) -> Decision | Reason:
        if self._outside(division):
            return _kept(division, (*reasons, because(Code.CONTENT_OUTSIDE_ROOTS)))
        if absent := self._absent_root(division):
            return because(Code.ROOT_ABSENT, root=absent)
        if not division.own:
            missing = [because(Code.CONTENT_MISSING)] if division.missing else []
            return _kept(division, (*reasons, *missing))
        if obstacle := self._obstacle(torrent, division):
            return because(Code.CONTENT_STUCK, why=obstacle)
        return _decided(Disposal.RECYCLE, division, reasons)

    def _obstacle(self, torrent: Torrent, division: Division) -> str | None:
        """Why its own files could not be moved into the bin; None if nothing is in the way."""
        ways: list[tuple[str, str]] = []
        across = 0
        for own in division.own:
            local = disk.find(self._paths.local(own.path) or "")
            folder = self._bin.folder(own.path, torrent.save_path or "")
            if local is not None and folder is not None:
                ways.append((local, folder))
                across += own.size if disk.is_across(local, folder) else 0
        obstacles = (disk.can_move(local, folder, across) for local, folder in ways)
        return next(filter(None, obstacles), None)

    def _outside(self, division: Division) -> bool:
        paths = [*(each.path for each in division.own), *division.missing]
        return any(self._paths.local(each) is None for each in paths)

    def _absent_root(self, division: Division) -> str | None:
        """A root that is empty or not there: the disk is not mounted, so nothing is missing."""
        for path in division.missing:
            index = self._paths.root_of(path)
            root = None if index is None else self._paths.roots[index][1]
            if root is not None and not disk.has_entries(root):
                return root
        return None


def _decided(disposal: Disposal, division: Division, reasons: tuple[Reason, ...]) -> Decision:
    leaving = () if disposal is Disposal.KEEP else division.own
    content = Content(
        disposal=disposal,
        files=tuple(each.path for each in leaving),
        shared=tuple(each.path for each in division.shared),
        missing=len(division.missing),
        size=sum(each.size for each in leaving),
    )
    return Decision(content, division, reasons)


def _kept(division: Division, reasons: tuple[Reason, ...]) -> Decision:
    return _decided(Disposal.KEEP, division, reasons)


def _names(hashes: Collection[TorrentHash], torrents: Mapping[TorrentHash, Torrent]) -> str:
    """The first of them by name, for people."""
    names = [torrents[each].name if each in torrents else each for each in hashes]
    listed = ", ".join(names[:_NAMES_LISTED])
    more = len(names) - _NAMES_LISTED
    return f"{listed} and {more:,} more" if more > 0 else listed
