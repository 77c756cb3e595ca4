"""The files of torrents, asked for once: a complete torrent's list is kept between runs.

Before 5.2 a list costs one request per torrent, so a library that has not changed must cost
none. What a kept list cannot know is a file that was renamed inside its torrent's folder: no
server tells. So whoever finds that a listed file is not on the disk, or that a file seems to
be nobody's, asks for the lists anew (``listed_anew``) before anything is decided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final, TypeAlias, TypeVar

from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.torrent import Torrent, TorrentFile, TorrentHash
from qbm.model.unknown import UNKNOWN, Unknown
from qbm.store import FileList, Store

Lists: TypeAlias = Mapping[TorrentHash, tuple[TorrentFile, ...] | Unknown]

_Value = TypeVar("_Value")

_AT_ONCE: Final = 500
"""Torrents in one question: 5.3.0 answers with all of their files at once."""
_DIGEST_BYTES: Final = 16


async def listed(
    server: QBittorrent, identity: str, torrents: Collection[Torrent], store: Store
) -> Lists:
    """The files of ``torrents``, as lists of earlier runs have them where these still hold.

    Only a complete torrent's list is kept. The files of one that is gone by now, or of which
    the server tells none, are ``UNKNOWN``. ``identity`` names the server in the store.

    Raises:
        ServerError: the server could not be read.
        StoreError: the store could not be read or written.
    """
    known: dict[TorrentHash, tuple[TorrentFile, ...] | Unknown] = {}
    for some in _parts(torrents):
        kept = store.file_lists(identity, [each.hash for each in some if each.is_complete])
        fitting = {
            each.hash: kept[each.hash].files
            for each in some
            if each.hash in kept and kept[each.hash].fingerprint == fingerprint(each)
        }
        unread = [each for each in some if each.hash not in fitting]
        known |= fitting
        known |= await listed_anew(server, identity, unread, store)
    return known


async def listed_anew(
    server: QBittorrent, identity: str, torrents: Collection[Torrent], store: Store
) -> Lists:
    """The same from the server, whatever earlier runs have kept; those lists are replaced.

    Raises:
        ServerError: the server could not be read.
        StoreError: the store could not be written.
    """
    known: dict[TorrentHash, tuple[TorrentFile, ...] | Unknown] = {}
    for some in _parts(torrents):
        answers = await server.files([each.hash for each in some])
        found = {each.hash: answers.get(each.hash, UNKNOWN) for each in some}
        store.keep_file_lists(identity, _kept(some, found))
        known |= found
    return known


def fingerprint(torrent: Torrent) -> str:
    """What changes whenever a complete torrent's list of files could, as far as servers show it.

    Its size tells that its metadata came, its times that it was added or downloaded anew; the
    paths, which is where 4.5 and later show a renamed top folder, that it was moved or renamed.
    """
    told = (
        torrent.infohash_v1,
        torrent.infohash_v2,
        torrent.name,
        torrent.save_path or "",
        torrent.content_path or "",
        torrent.total_size or 0,
        torrent.added_on,
        torrent.completion_on,
    )
    text = "\n".join(map(str, told))
    return blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()


def _kept(torrents: Iterable[Torrent], found: Lists) -> Mapping[TorrentHash, FileList]:
    return {
        each.hash: FileList(fingerprint(each), files)
        for each in torrents
        if each.is_complete and (files := found[each.hash]) is not UNKNOWN and files
    }


def _parts(values: Collection[_Value]) -> Iterator[Sequence[_Value]]:
    ordered = list(values)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))
