"""What a ``.torrent`` says of its torrent: its hashes, and its files (BEP 3, 52).

Also reads bencoding as such, which ``.fastresume`` files are written in. Keys and texts come as
bytes; what is no UTF-8 in a name comes as surrogate escapes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from qbm.model.torrent import TorrentFile, TorrentHash, parse_hash

_DEEPEST: Final = 200
"""Lists and dictionaries within each other; a file tree is as deep as its folders."""
_SHORT: Final = 40


class Metainfo(Struct, frozen=True, kw_only=True):
    """A torrent as its ``.torrent`` describes it; ``files`` have no progress.

    Of the two hashes at least one is set. Pad files are left out, as servers do.
    """

    name: str
    infohash_v1: str = ""
    infohash_v2: str = ""
    files: tuple[TorrentFile, ...] = ()
    is_private: bool = False

    @property
    def hashes(self) -> tuple[TorrentHash, ...]:
        """All that a server may know it by, the newest kind first."""
        found = (self.infohash_v2[:_SHORT], self.infohash_v1)
        return tuple(each for text in found if (each := parse_hash(text)) is not None)


def metainfo_of(raw: bytes) -> Metainfo:
    """What the ``.torrent`` in ``raw`` says.

    Raises:
        ValueError: it is none.
    """
    whole, span = _read(raw)
    info: Any = whole.get(b"info") if isinstance(whole, Mapping) else None
    is_whole = isinstance(info, Mapping) and isinstance(info.get(b"name"), bytes)
    if not is_whole:
        raise ValueError("no .torrent: it has no info, or no name in it")
    described = raw[slice(*span)]
    is_v2 = info.get(b"meta version") == 2  # noqa: PLR2004 - the version of that name
    is_v1 = b"pieces" in info or not is_v2
    name = _text(info.get(b"name.utf-8", info[b"name"]))
    try:
        files = tuple(_listed(info, name) if is_v1 else _grown(info[b"file tree"], name))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"no .torrent: its list of files is not as it should be ({error})"
        ) from error
    return Metainfo(
        name=name,
        infohash_v1=hashlib.sha1(described, usedforsecurity=False).hexdigest() if is_v1 else "",
        infohash_v2=hashlib.sha256(described).hexdigest() if is_v2 else "",
        files=files,
        is_private=info.get(b"private") == 1,
    )


def bdecoded(raw: bytes) -> Any:  # noqa: ANN401 - whatever is written there
    """The value that is bencoded in ``raw``.

    Raises:
        ValueError: it is no bencoding.
    """
    return _read(raw)[0]


def _listed(info: Mapping[bytes, Any], name: str) -> Iterator[TorrentFile]:
    """The files of version 1."""
    if b"files" not in info:
        yield TorrentFile(name, int(info.get(b"length", 0)))
        return
    for each in info[b"files"]:
        if b"p" in each.get(b"attr", b""):
            continue
        path = each.get(b"path.utf-8", each[b"path"])
        yield TorrentFile("/".join([name, *map(_text, path)]), int(each[b"length"]))


def _grown(tree: Mapping[bytes, Any], name: str) -> Iterator[TorrentFile]:
    """The files of version 2; a torrent of a single one has no folder."""
    if [*map(_text, tree)] == [name] and b"" in (node := next(iter(tree.values()))):
        yield TorrentFile(name, int(node[b""][b"length"]))
        return
    yield from _below(tree, name)


def _below(tree: Mapping[bytes, Any], folder: str) -> Iterator[TorrentFile]:
    for part, node in tree.items():
        path = f"{folder}/{_text(part)}"
        if b"" in node:
            yield TorrentFile(path, int(node[b""][b"length"]))
        else:
            yield from _below(node, path)


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _read(raw: bytes) -> tuple[Any, tuple[int, int]]:
    """The value, and where in ``raw`` the value of its key ``info`` begins and ends."""
    reading = _Reading(raw)
    try:
        value = reading.value(0)
    except (IndexError, ValueError) as error:
        raise ValueError("no bencoding, or cut off") from error
    return value, reading.info


class _Reading:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        self.info = (0, 0)

    def value(self, depth: int) -> Any:  # noqa: ANN401 - whatever is written there
        """The value that begins here; goes on behind it.

        Raises:
            ValueError: none does.
            IndexError: it is cut off.
        """
        if depth > _DEEPEST:
            raise ValueError("too deep")
        match self._raw[self._at : self._at + 1]:
            case b"i":
                return self._number_until(b"e", self._at + 1)
            case b"l":
                return list(self._items(depth))
            case b"d":
                return self._dictionary(depth)
            case _:
                return self._string()

    def _items(self, depth: int) -> Iterator[Any]:
        self._at += 1
        while self._raw[self._at] != ord("e"):
            yield self.value(depth + 1)
        self._at += 1

    def _dictionary(self, depth: int) -> dict[bytes, Any]:
        found: dict[bytes, Any] = {}
        self._at += 1
        while self._raw[self._at] != ord("e"):
            key = self._string()
            begin = self._at
            found[key] = self.value(depth + 1)
            if depth == 0 and key == b"info":
                self.info = begin, self._at
        self._at += 1
        return found

    def _string(self) -> bytes:
        size = self._number_until(b":", self._at)
        begin, self._at = self._at, self._at + size
        if size < 0 or self._at > len(self._raw):
            raise ValueError("a text that is cut off")
        return self._raw[begin : self._at]

    def _number_until(self, end: bytes, begin: int) -> int:
        stop = self._raw.index(end, begin)
        self._at = stop + 1
        return int(self._raw[begin:stop])
