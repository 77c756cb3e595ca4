"""qBittorrent's Web API in the model's values, for servers from 4.2 on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
from qbm.gateways.qbittorrent.session import CONCURRENCY, Session
from qbm.gateways.qbittorrent.wire import (
    WireCategory,
    WireMainData,
    WireTorrent,
    WireTracker,
    categories_of,
    decoded,
    has_several_hosts,
    torrents_of,
    with_urls,
)
from qbm.model.names import is_tag
from qbm.model.snapshot import Category, Fact, Snapshot
from qbm.model.torrent import Torrent, TorrentHash, parse_hash
from qbm.model.tracker import Tracker
from qbm.model.unknown import Unknown

T = TypeVar("T")

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
        request per torrent before. The private flag comes where it costs no request and
        stays ``UNKNOWN`` elsewhere: ``privacy`` asks for it.
        """
        wires = await (
            self._with_trackers(hashes) if Fact.TRACKERS in facts else self._info(hashes)
        )
        # Categories last, so that each torrent's is among them.
        categories = await self.categories()
        return Snapshot(self._torrents(wires), categories, is_whole=hashes is None)

    async def categories(self) -> dict[str, Category]:
        """The server's categories by name."""
        return categories_of(await self._read("torrents/categories", dict[str, WireCategory]))

    async def trackers(
        self, hashes: Collection[TorrentHash]
    ) -> dict[TorrentHash, tuple[Tracker, ...] | Unknown]:
        """The trackers of each torrent in their order; a torrent that is gone is left out."""
        torrents = self._torrents(await self._with_trackers(hashes))
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

    # How trackers are read, by what the server can do

    async def _with_trackers(self, hashes: Collection[TorrentHash] | None) -> list[WireTorrent]:
        can = self.server.capabilities
        if can.include_trackers:
            # Rather than sync/maindata: 2,000 torrents take 120 ms instead of 82 (5.1.0), but
            # the rows have a status and an order, and any torrents can be asked for.
            return await self._info(hashes, includeTrackers="true")
        if can.maindata_trackers and hashes is None:
            return await self._from_maindata()
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
        """None if the torrent is gone; unset, so unknown, if the server fails to say."""
        path = "torrents/trackers"
        answer = await self._session.ask(path, query={"hash": wire.hash})
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        try:
            return self._understood(answer, path, tuple[WireTracker, ...])
        except RequestFailed:
            return UNSET

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


def _joined(hashes: Collection[TorrentHash]) -> str:
    for each in hashes:
        if parse_hash(each) != each:
            raise ValueError(f"{each!r} is no torrent's hash")
    return "|".join(hashes)
