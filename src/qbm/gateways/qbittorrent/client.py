"""qBittorrent's Web API in the model's values, for servers from 4.2 on."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from qbm.errors import RequestFailed
from qbm.gateways.qbittorrent.capabilities import Capabilities, capabilities_of, parse_version
from qbm.gateways.qbittorrent.concurrency import each_of
from qbm.gateways.qbittorrent.connection import Connection, Timeouts
from qbm.gateways.qbittorrent.failures import Answer, misunderstood, not_qbittorrent, refused
from qbm.gateways.qbittorrent.limits import (
    WirePreferences,
    global_limits_of,
    preferences_between,
    share_limits_form,
)
from qbm.gateways.qbittorrent.session import CONCURRENCY, Session
from qbm.gateways.qbittorrent.wire import (
    WireCategory,
    WireFile,
    WireMainData,
    WireProperties,
    WireTorrent,
    WireTracker,
    categories_of,
    decoded,
    has_several_hosts,
    torrents_of,
    with_urls,
)
from qbm.model.limit import GlobalLimits, ShareLimits
from qbm.model.names import is_tag
from qbm.model.snapshot import Category, Fact, Snapshot
from qbm.model.torrent import Torrent, TorrentFile, TorrentHash, parse_hash
from qbm.model.tracker import Tracker
from qbm.model.unknown import UNKNOWN, Unknown

T = TypeVar("T")

_WITHOUT_EXPORT: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
"""4.2.5 has no such request; later servers say so for a torrent that is gone, and 409 for a
magnet link without metadata."""

_FAILS: Final = "Fails."
"""What servers before 5.3 say with 200 when they do not add a torrent."""

MOST_HASHES: Final = 500
"""In one write: 5.3.0 stops answering for seconds on larger ones (spec, qbittorrent.md)."""


class Server(Struct, frozen=True):
    """What answers: its version as it says it (``v5.1.0``), its Web API's, what it can do."""

    version: str
    api_version: str
    capabilities: Capabilities


class QBittorrent:
    """A connected server: ``async with QBittorrent(connection) as server``.

    Every method raises ServerError if the server cannot be talked to any more, and
    RequestFailed if it refuses what it was asked. Only a ``TorrentHash`` ever goes out, for
    ``all`` would mean every torrent; anything else is a ValueError.
    """

    def __init__(self, connection: Connection, timeouts: Timeouts | None = None) -> None:
        self.connection = connection
        self._session = Session(connection, timeouts or Timeouts())
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def server(self) -> Server:
        """Who answers; known once connected."""
        if self._server is None:
            raise RuntimeError("not connected")
        return self._server

    async def connect(self) -> None:
        """Log in where that is asked for, and learn what the server can do.

        Raises:
            ServerError: nobody is there, it is no qBittorrent, or it lets nobody in.
        """
        await self._session.open()
        answer = await self._session.ask("app/webapiVersion")
        if answer.is_about_no_web_api:
            raise not_qbittorrent(self.connection)
        self._expect_success(answer, "app/webapiVersion")
        api_version = parse_version(answer.text)
        if api_version is None:
            raise not_qbittorrent(self.connection)
        version = await self._session.ask("app/version")
        self._expect_success(version, "app/version")
        self._server = Server(version.text, answer.text, capabilities_of(api_version))

    async def close(self) -> None:
        """Log out and hang up; does nothing to one that is closed."""
        await self._session.close()

    # Reading

    async def snapshot(
        self, facts: frozenset[Fact], hashes: Collection[TorrentHash] | None = None
    ) -> Snapshot:
        """All torrents, or those of ``hashes`` that are there, and all categories.

        If ``facts`` asks for trackers, each torrent has them: in bulk from 4.5 on, with one
        request per torrent before; with their status, that is so from 5.1 on. The private flag
        and the seeding time come where they cost no request and stay ``UNKNOWN`` elsewhere:
        ``privacy`` and ``seeding_times`` ask for them.
        """
        wires = await self._located(await self._wires(facts, hashes))
        # Categories after, so that each torrent's is among them.
        categories = await self.categories()
        return Snapshot(
            self._torrents(wires),
            categories,
            is_whole=hashes is None,
            global_limits=await self.global_limits() if Fact.GLOBAL_LIMITS in facts else UNKNOWN,
            tells_tracker_errors=self.server.capabilities.tells_tracker_errors,
        )

    async def categories(self) -> dict[str, Category]:
        """The server's categories by name."""
        return categories_of(await self._read("torrents/categories", dict[str, WireCategory]))

    async def incomplete_folder(self) -> str:
        """The folder for all incomplete downloads, "" if that is switched off."""
        preferences = await self._preferences()
        return preferences.temp_path if preferences.temp_path_enabled else ""

    async def trackers(
        self, hashes: Collection[TorrentHash]
    ) -> dict[TorrentHash, tuple[Tracker, ...] | Unknown]:
        """The trackers of each torrent in their order, with status and message.

        A torrent that is gone is left out.
        """
        torrents = self._torrents(await self._with_status(hashes))
        return {each.hash: each.trackers for each in torrents.values()}

    async def privacy(self, hashes: Collection[TorrentHash]) -> dict[TorrentHash, bool | Unknown]:
        """Whether each torrent is private; a torrent that is gone is left out.

        Servers before 5.0 only show it in ``torrents/trackers``: one request per torrent.
        """
        wires = await self._info(hashes)
        told = [wire for wire in wires if wire.private is not UNSET]
        untold = [wire for wire in wires if wire.private is UNSET]
        torrents = self._torrents([*told, *await self._with_rows(untold)])
        return {each.hash: each.private for each in torrents.values()}

    async def seeding_times(
        self, hashes: Collection[TorrentHash]
    ) -> dict[TorrentHash, timedelta | Unknown]:
        """How long each torrent has been seeding; a torrent that is gone is left out.

        4.2.5 only shows it in ``torrents/properties``: one request per torrent.
        """
        wires = await self._info(hashes)
        told = [wire for wire in wires if wire.seeding_time is not UNSET]
        untold = [wire for wire in wires if wire.seeding_time is UNSET]
        found = await each_of(untold, self._properties, at_once=CONCURRENCY)
        timed = [
            wire if properties is UNSET else replace(wire, seeding_time=properties.seeding_time)
            for wire, properties in zip(untold, found, strict=True)
            if properties is not None
        ]
        return {each.hash: each.seeding_time for each in self._torrents([*told, *timed]).values()}

    async def files(
        self, hashes: Collection[TorrentHash]
    ) -> dict[TorrentHash, tuple[TorrentFile, ...] | Unknown]:
        """The files of each torrent, also those that are not to be downloaded.

        In one request from 5.2 on, with one per torrent before. A magnet link without metadata
        has none; any other torrent of which the server tells none has unknown ones. A torrent
        that is gone is left out.
        """
        if self.server.capabilities.include_files:
            wires = await self._info(hashes, includeFiles="true")
        else:
            wires = await self._with_files(await self._info(hashes))
        return {each.hash: each.files for each in self._torrents(wires).values()}

    async def global_limits(self) -> GlobalLimits:
        """The server's own share limits, for torrents that have none of their own."""
        return global_limits_of(await self._preferences())

    async def export(self, torrent: TorrentHash) -> bytes | None:
        """The torrent's ``.torrent``; None if the server has none to give.

        So it is before 4.5, for a magnet link without metadata, and for a torrent that is gone.
        """
        path = "torrents/export"
        answer = await self._session.ask(path, query={"hash": _joined([torrent])})
        if answer.status in _WITHOUT_EXPORT:
            return None
        self._expect_success(answer, path)
        return answer.body

    # Writing. Each ensures a state, so that sending one twice does no harm.

    async def add_tags(self, hashes: Collection[TorrentHash], tags: Collection[str]) -> None:
        """Add all ``tags`` to at most 500 torrents; the server makes those that it lacks."""
        await self._write("torrents/addTags", hashes, tags=self._joined_tags(tags))

    async def remove_tags(self, hashes: Collection[TorrentHash], tags: Collection[str]) -> None:
        """Take all ``tags`` from at most 500 torrents."""
        await self._write("torrents/removeTags", hashes, tags=self._joined_tags(tags))

    async def set_category(self, hashes: Collection[TorrentHash], category: str) -> None:
        """Put at most 500 torrents into a category that exists, or into none ("")."""
        await self._write("torrents/setCategory", hashes, category=category)

    async def set_auto_management(
        self,
        hashes: Collection[TorrentHash],
        enabled: bool,  # noqa: FBT001 - not a switch of behaviour but the value to set
    ) -> None:
        """Switch the Automatic Torrent Management of at most 500 torrents."""
        enable = "true" if enabled else "false"
        await self._write("torrents/setAutoManagement", hashes, enable=enable)

    async def start(self, hashes: Collection[TorrentHash]) -> None:
        """Start at most 500 torrents; one that runs goes on as it does."""
        says_start = self.server.capabilities.says_start
        await self._write("torrents/start" if says_start else "torrents/resume", hashes)

    async def stop(self, hashes: Collection[TorrentHash]) -> None:
        """Stop at most 500 torrents."""
        says_start = self.server.capabilities.says_start
        await self._write("torrents/stop" if says_start else "torrents/pause", hashes)

    async def recheck(self, hashes: Collection[TorrentHash]) -> None:
        """Have the server look through the content of at most 500 torrents."""
        await self._write("torrents/recheck", hashes)

    async def set_share_limits(self, hashes: Collection[TorrentHash], limits: ShareLimits) -> None:
        """Give at most 500 torrents other share limits; what is None there, as by default."""
        await self._write("torrents/setShareLimits", hashes, **share_limits_form(limits))

    async def set_upload_limit(
        self, hashes: Collection[TorrentHash], bytes_per_second: int
    ) -> None:
        """Limit the upload of each of at most 500 torrents; 0 is no limit."""
        await self._write("torrents/setUploadLimit", hashes, limit=str(bytes_per_second))

    async def add(
        self, torrent: bytes, *, save_path: str, category: str = "", download_path: str = ""
    ) -> None:
        """Add a ``.torrent``, stopped and managed by hand, with its content in ``save_path``.

        ``download_path`` is where the content is as long as it is incomplete, "" if in the save
        path as well. Nothing is moved. The torrent shows some time after the answer.

        Raises:
            RequestFailed: the server has it already, or takes it for no torrent.
        """
        path = "torrents/add"
        form = {
            "savepath": save_path,
            "useDownloadPath": "true" if download_path else "false",
            "downloadPath": download_path,
            "category": category,
            "autoTMM": "false",
            # Each generation has its own word, and passes over the other's.
            **dict.fromkeys(("paused", "stopped"), "true"),
            "contentLayout": "Original",
            "root_folder": "true",
        }
        answer = await self._session.ask(path, form=form, torrent=torrent)
        if answer.status == HTTPStatus.CONFLICT or answer.text == _FAILS:
            raise RequestFailed(
                f"qBittorrent at {self.connection.url} did not take the .torrent: it has that "
                "torrent already, or cannot read it."
            )
        self._expect_success(answer, path)

    async def rename(self, torrent: TorrentHash, name: str) -> None:
        """Give a torrent another name; its files keep theirs."""
        await self._write_one("torrents/rename", torrent, name=name)

    async def rename_file(self, torrent: TorrentHash, index: int, old: str, new: str) -> None:
        """Have the file at ``index`` of a torrent's list, ``old``, be ``new``.

        Paths as in ``TorrentFile``. What is on the disk as ``old`` is renamed as well.

        Raises:
            RequestFailed: the server cannot: before 4.3 a file cannot leave its folder.
        """
        if _folder_of(old) != _folder_of(new) and not self.server.capabilities.renames_paths:
            raise RequestFailed(
                f"qBittorrent {self.server.version} cannot rename {old} to {new}: it cannot give "
                "a file another folder."
            )
        name = new.rpartition("/")[2]
        await self._write_one(
            "torrents/renameFile", torrent, id=str(index), name=name, oldPath=old, newPath=new
        )

    async def set_file_priority(
        self, torrent: TorrentHash, indexes: Collection[int], priority: int
    ) -> None:
        """Give files of a torrent's list another priority; 0 is "do not download"."""
        which = "|".join(map(str, indexes))
        await self._write_one("torrents/filePrio", torrent, id=which, priority=str(priority))

    async def remove(self, torrent: TorrentHash, *, with_files: bool) -> None:
        """Take a torrent off the server, which then deletes its files or leaves them."""
        delete_files = "true" if with_files else "false"
        await self._write("torrents/delete", [torrent], deleteFiles=delete_files)

    async def set_global_limits(self, after: GlobalLimits, before: GlobalLimits) -> None:
        """Change the server's own share limits where ``after`` differs from ``before``."""
        if changed := preferences_between(after, before):
            path = "app/setPreferences"
            answer = await self._session.ask(path, form={"json": json.dumps(changed)})
            self._expect_success(answer, path)

    async def create_category(self, name: str, save_path: str) -> None:
        """Make a category; one of that name and path that is there already will do.

        Raises:
            RequestFailed: the name cannot be, or is that of a category with another path.
        """
        path = "torrents/createCategory"
        answer = await self._session.ask(path, form={"category": name, "savePath": save_path})
        if answer.status == HTTPStatus.CONFLICT:
            # A name that cannot be gets the same 409, and the texts are in the server's language.
            found = (await self.categories()).get(name)
            if found == Category(name, save_path):
                return
            if found is not None:
                raise RequestFailed(
                    f"qBittorrent at {self.connection.url} has a category {name} already, with "
                    f"the save path {found.save_path or '(default)'} instead of {save_path}."
                )
        self._expect_success(answer, path)

    # How trackers and files are read, by what the server can do

    async def _wires(
        self, facts: frozenset[Fact], hashes: Collection[TorrentHash] | None
    ) -> list[WireTorrent]:
        if Fact.TRACKER_STATUS in facts:
            return await self._with_status(hashes)
        if Fact.TRACKERS in facts:
            return await self._with_trackers(hashes)
        return await self._info(hashes)

    async def _with_trackers(self, hashes: Collection[TorrentHash] | None) -> list[WireTorrent]:
        can = self.server.capabilities
        if can.maindata_trackers and not can.include_trackers and hashes is None:
            return await self._from_maindata()
        return await self._with_status(hashes)

    async def _with_status(self, hashes: Collection[TorrentHash] | None) -> list[WireTorrent]:
        if self.server.capabilities.include_trackers:
            # Rather than sync/maindata: 2,000 torrents take 120 ms instead of 82 (5.1.0), but
            # the rows have a status and an order, and any torrents can be asked for.
            return await self._info(hashes, includeTrackers="true")
        return await self._with_rows(await self._info(hashes))

    async def _from_maindata(self) -> list[WireTorrent]:
        """All torrents and trackers in one request; in more, the order where it matters."""
        main = await self._read("sync/maindata", WireMainData)
        if not main.full_update or main.trackers is UNSET:
            return await self._with_rows(await self._info(None))
        wires = with_urls(main.torrents, main.trackers)
        ordered = await self._with_rows([wire for wire in wires if has_several_hosts(wire)])
        return [*(wire for wire in wires if not has_several_hosts(wire)), *ordered]

    async def _with_rows(self, wires: Sequence[WireTorrent]) -> list[WireTorrent]:
        """The torrents that are still there, with ``torrents/trackers`` of each."""
        rows = await each_of(wires, self._rows, at_once=CONCURRENCY)
        pairs = zip(wires, rows, strict=True)
        return [replace(wire, trackers=found) for wire, found in pairs if found is not None]

    async def _rows(self, wire: WireTorrent) -> tuple[WireTracker, ...] | UnsetType | None:
        return await self._told("torrents/trackers", wire, tuple[WireTracker, ...])

    async def _with_files(self, wires: Sequence[WireTorrent]) -> list[WireTorrent]:
        """The torrents that are still there, with ``torrents/files`` of each."""
        files = await each_of(wires, self._listed, at_once=CONCURRENCY)
        pairs = zip(wires, files, strict=True)
        return [replace(wire, files=found) for wire, found in pairs if found is not None]

    async def _listed(self, wire: WireTorrent) -> tuple[WireFile, ...] | UnsetType | None:
        return await self._told("torrents/files", wire, tuple[WireFile, ...])

    async def _properties(self, wire: WireTorrent) -> WireProperties | UnsetType | None:
        return await self._told("torrents/properties", wire, WireProperties)

    async def _told(self, path: str, wire: WireTorrent, kind: type[T]) -> T | UnsetType | None:
        """None if the torrent is gone; unset, so unknown, if the server fails to say."""
        answer = await self._session.ask(path, query={"hash": wire.hash})
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        try:
            return self._understood(answer, path, kind)
        except RequestFailed:
            return UNSET

    async def _located(self, wires: list[WireTorrent]) -> list[WireTorrent]:
        """With the folder of incomplete content also where ``torrents/info`` does not tell it.

        4.2.5 keeps all incomplete torrents in one folder, if that is switched on.
        """
        if not any(_is_unlocated(wire) for wire in wires):
            return wires
        folder = await self.incomplete_folder()
        return [
            replace(wire, download_path=folder) if _is_unlocated(wire) else wire for wire in wires
        ]

    async def _preferences(self) -> WirePreferences:
        return await self._read("app/preferences", WirePreferences)

    # Requests and answers

    async def _info(
        self, hashes: Collection[TorrentHash] | None, **options: str
    ) -> list[WireTorrent]:
        """``torrents/info``; hashes go in a POST, for no URL is too long then."""
        path = "torrents/info"
        if hashes is None:
            return await self._read(path, list[WireTorrent], **options)
        if not hashes:  # the server would take an empty list for all torrents
            return []
        answer = await self._session.ask(path, form={"hashes": _joined(hashes), **options})
        return self._understood(answer, path, list[WireTorrent])

    async def _read(self, path: str, kind: type[T], **query: str) -> T:
        return self._understood(await self._session.ask(path, query=query), path, kind)

    async def _write(self, path: str, hashes: Collection[TorrentHash], **form: str) -> None:
        if not 0 < len(hashes) <= MOST_HASHES:
            raise ValueError(f"{len(hashes)} hashes in one request")
        answer = await self._session.ask(path, form={"hashes": _joined(hashes), **form})
        self._expect_success(answer, path)

    async def _write_one(self, path: str, torrent: TorrentHash, **form: str) -> None:
        answer = await self._session.ask(path, form={"hash": _joined([torrent]), **form})
        self._expect_success(answer, path)

    def _expect_success(self, answer: Answer, path: str) -> None:
        if not answer.is_success:
            raise refused(answer, path, self.connection)

    def _understood(self, answer: Answer, path: str, kind: type[T]) -> T:
        self._expect_success(answer, path)
        try:
            return decoded(answer.body, kind)
        except ValueError as error:
            raise misunderstood(path, self.connection, error, answer.body) from error

    def _torrents(self, wires: Iterable[WireTorrent]) -> dict[TorrentHash, Torrent]:
        try:
            return torrents_of(wires)
        except ValueError as error:
            raise misunderstood("torrents/info", self.connection, error) from error

    def _joined_tags(self, tags: Collection[str]) -> str:
        """``tags`` as one field; none at all would take every tag away in ``removeTags``."""
        if not tags:
            raise ValueError("no tags")
        for tag in tags:
            if not is_tag(tag):
                raise RequestFailed(
                    f"qBittorrent at {self.connection.url} cannot have a tag {tag!r}: a comma or "
                    "blanks at its ends would make another tag, or several, of it."
                )
        return ",".join(tags)


def _is_unlocated(wire: WireTorrent) -> bool:
    return wire.download_path is UNSET and wire.progress < 1


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0]


def _joined(hashes: Collection[TorrentHash]) -> str:
    for each in hashes:
        if parse_hash(each) != each:
            raise ValueError(f"{each!r} is no torrent's hash")
    return "|".join(hashes)
