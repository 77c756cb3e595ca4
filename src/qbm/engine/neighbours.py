"""The torrents of all servers that share a root: together they own the files below it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from qbm.config import Config
from qbm.engine import listing
from qbm.engine.tools import Neighbour, Tools, Unheard
from qbm.errors import ServerError
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.paths import PathMap, parts
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import State, Torrent, TorrentFile, TorrentHash
from qbm.model.unknown import UNKNOWN, Unknown
from qbm.store import Store

_LOADING: Final = frozenset({State.CHECKING_RESUME_DATA, State.UNKNOWN})
_NO_TORRENTS: Final = (
    "its server shows no torrents, as one that has just started does; if it really has none, "
    "move the config out of the folder"
)
_STILL_LOADING: Final = "its server is still loading its torrents; the next run asks again"


class Party(Struct, frozen=True):
    """One server: its torrents as it shows them, by the hash that they have among everyone."""

    server: QBittorrent
    identity: str
    torrents: Mapping[TorrentHash, Torrent]
    is_own: bool = False


class Everyone(Struct, frozen=True, kw_only=True):
    """The torrents of all servers that share a root, at one moment.

    The run's own ones are as its server shows them. A neighbour's have a hash of their own
    (``<hash>@<config file>``), for two servers may have one torrent each at its own place; and
    their paths begin with a folder that no disk has, so that they never read as the own
    server's. Where either is on this machine, ``paths`` tells.

    ``paths`` has the own roots first, in the order of ``directory.roots``: an index below
    their number is one of them. ``unheard`` are the configs whose torrents are not among
    these, each with the reason: while there is one, no file is known to be nobody's. ``bins``
    are the names of folders in which others keep what they have put away, with their configs.
    """

    torrents: Mapping[TorrentHash, Torrent]
    paths: PathMap
    unheard: tuple[tuple[str, str], ...]
    parties: tuple[Party, ...]
    store: Store
    bins: tuple[tuple[str, str], ...] = ()

    async def listed_anew(self, hashes: Collection[TorrentHash]) -> Mapping[TorrentHash, Torrent]:
        """Those torrents with their files, as their servers list them now.

        The files of one that is gone by now are ``UNKNOWN``, and those of a neighbour that
        does not answer any more.

        Raises:
            ServerError: the own server could not be read.
            StoreError: the lists could not be written down for later runs.
        """
        return await self._with_files(hashes, listing.listed_anew)

    async def listed(self, hashes: Collection[TorrentHash]) -> Mapping[TorrentHash, Torrent]:
        """The same, from the lists of earlier runs where these still hold.

        Raises:
            ServerError: the own server could not be read.
            StoreError: the lists of earlier runs could not be read or written.
        """
        return await self._with_files(hashes, listing.listed)

    async def _with_files(
        self,
        hashes: Collection[TorrentHash],
        ask: Callable[[QBittorrent, str, Collection[Torrent], Store], Awaitable[listing.Lists]],
    ) -> Mapping[TorrentHash, Torrent]:
        wanted = [each for each in hashes if each in self.torrents]
        lists: dict[TorrentHash, tuple[TorrentFile, ...] | Unknown] = {}
        for party in self.parties:
            theirs = {party.torrents[each].hash: each for each in wanted if each in party.torrents}
            if not theirs:
                continue
            torrents = [party.torrents[each] for each in theirs.values()]
            try:
                found = await ask(party.server, party.identity, torrents, self.store)
            except ServerError:
                if party.is_own:
                    raise
                continue
            lists |= {theirs[each]: files for each, files in found.items()}
        return {
            each: replace(self.torrents[each], files=lists.get(each, UNKNOWN)) for each in wanted
        }


async def everyone(snapshot: Snapshot, config: Config, tools: Tools) -> Everyone:
    """All torrents that may own files below the roots; ``snapshot`` is the own server's, whole.

    A neighbour that fails, has no torrents, or is still loading them, is unheard.
    """
    around = await tools.look_around()
    answers = await asyncio.gather(*map(_asked, around.neighbours))
    torrents = dict(snapshot.torrents)
    roots: list[tuple[str, str]] = [*config.directory.roots, *around.roots]
    parties = [Party(tools.server, tools.identity, snapshot.torrents, is_own=True)]
    for answer in answers:
        if isinstance(answer, _Heard):
            parties.append(answer.party)
            torrents |= answer.torrents
            roots += answer.roots(config.directory.remote_dir)
    return Everyone(
        torrents=torrents,
        paths=PathMap(tuple(roots)),
        unheard=tuple(
            (each.config_file, each.why) for each in answers if isinstance(each, Unheard)
        ),
        parties=tuple(parties),
        store=tools.store,
        bins=around.bins,
    )


def is_loading(snapshot: Snapshot) -> bool:
    """The server has not read in all of its torrents yet."""
    return any(each.state in _LOADING for each in snapshot.torrents.values())


class _Heard(Struct, frozen=True):
    """A neighbour that has answered, with the torrents that it showed."""

    neighbour: Neighbour
    shown: Mapping[TorrentHash, Torrent]

    @property
    def party(self) -> Party:
        """Its torrents under their own paths."""
        torrents = {self._renamed(each): torrent for each, torrent in self.shown.items()}
        return Party(self.neighbour.server, self.neighbour.identity, torrents)

    @property
    def torrents(self) -> Mapping[TorrentHash, Torrent]:
        """Its torrents among everyone's."""
        return {self._renamed(each): self._moved(each) for each in self.shown}

    def roots(self, own: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Its roots; and those of ``own`` by their local names where it says nothing of them.

        A torrent that lies outside the roots of its config may all the same be below ours, if
        its server names folders as this machine does.
        """
        paths = self.neighbour.paths
        for root_dir, local in paths.roots:
            yield self._below(root_dir), local
        for folder in own:
            if paths.root_of(folder) is None:
                yield self._below(folder), folder

    def _renamed(self, torrent: TorrentHash) -> TorrentHash:
        return TorrentHash(f"{torrent}@{self.neighbour.config_file}")

    def _moved(self, each: TorrentHash) -> Torrent:
        torrent = self.shown[each]
        return replace(
            torrent,
            hash=self._renamed(each),
            name=f"{torrent.name} ({self.neighbour.config_file})",
            save_path=self._known_below(torrent.save_path),
            content_path=self._known_below(torrent.content_path),
            download_path=self._below(torrent.download_path) if torrent.download_path else "",
        )

    def _known_below(self, path: str | Unknown) -> str | Unknown:
        return self._below(path) if path else path

    def _below(self, path: str) -> str:
        """``path`` in a folder that stands for the neighbour; relative or with ``..`` as before.

        Its root is spelled as the config does, for servers on Windows do not mind the case.
        """
        paths = self.neighbour.paths
        index = paths.root_of(path)
        if index is not None:
            path = f"{paths.roots[index][0]}/{paths.relative(path)}"
        components = parts(path)
        if components is None:
            return path
        anchor, *names = components
        drive = [each for each in (anchor.rstrip("/"),) if each]
        return "/".join(("", f"<{self.neighbour.config_file}>", *drive, *names))


async def _asked(neighbour: Neighbour | Unheard) -> _Heard | Unheard:
    if isinstance(neighbour, Unheard):
        return neighbour
    try:
        snapshot = await neighbour.server.snapshot(frozenset())
    except ServerError as error:
        return Unheard(neighbour.config_file, str(error))
    if not snapshot.torrents:
        return Unheard(neighbour.config_file, _NO_TORRENTS)
    if is_loading(snapshot):
        return Unheard(neighbour.config_file, _STILL_LOADING)
    return _Heard(neighbour, snapshot.torrents)
