"""Torrents of every kind, made in memory: a thousand take a tenth of a second.

The content is a part of the torrent, so that a test can write it to disk, write something
else, or write nothing. libtorrent reads the results back in ``tests/contract/test_lab.py``.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

PIECE = 16 * 1024
"""Bytes of a piece; also the block of which v2 takes its hashes, so each piece is one leaf."""


_LONGEST_NAME = 240
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e")


class Kind(Enum):
    """Which of BitTorrent's two versions a torrent speaks."""

    V1 = auto()
    HYBRID = auto()
    V2 = auto()


@dataclass(frozen=True)
class Torrent:
    """A ``.torrent`` and the content it stands for.

    ``files`` maps a path (inside the folder ``name``, or ``name`` itself for a single file) to
    the bytes there. ``tiers`` holds the announce URLs of each tier.
    """

    name: str
    files: Mapping[str, bytes]
    kind: Kind = Kind.V1
    tiers: tuple[tuple[str, ...], ...] = ()
    is_private: bool = False
    source: str = ""
    comment: str = ""

    @property
    def is_single_file(self) -> bool:
        """It has no folder of its own."""
        return list(self.files) == [self.name]

    @property
    def trackers(self) -> tuple[str, ...]:
        """All announce URLs, first tier first."""
        return tuple(url for tier in self.tiers for url in tier)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(len(content) for content in self.files.values())

    @cached_property
    def metainfo(self) -> bytes:
        """The bytes of the ``.torrent`` file."""
        whole: dict[str, Any] = {"info": self._info}
        if self.tiers:
            whole["announce"] = self.tiers[0][0]
            whole["announce-list"] = [list(tier) for tier in self.tiers]
        if self.comment:
            whole["comment"] = self.comment
        if self.kind is not Kind.V1:
            whole["piece layers"] = {
                _merkle_root(leaves): b"".join(leaves)
                for leaves in map(_leaves, self.files.values())
                if len(leaves) > 1
            }
        return bencode(whole)

    @property
    def infohash_v1(self) -> str:
        """40 hex digits; "" for v2 only."""
        return "" if self.kind is Kind.V2 else hashlib.sha1(self._info_bytes).hexdigest()

    @property
    def infohash_v2(self) -> str:
        """64 hex digits; "" for v1 only."""
        return "" if self.kind is Kind.V1 else hashlib.sha256(self._info_bytes).hexdigest()

    @property
    def hash(self) -> str:
        """The ``hash`` that a server with libtorrent 2 knows it by: v2's first 40 digits, or v1."""
        return self.infohash_v2[:40] or self.infohash_v1

    @property
    def magnet(self) -> str:
        """A magnet link without metadata."""
        topics = [f"xt=urn:btih:{self.infohash_v1}"] if self.infohash_v1 else []
        topics += [f"xt=urn:btmh:1220{self.infohash_v2}"] if self.infohash_v2 else []
        rest = urlencode(
            [("dn", self.name), *(("tr", url) for url in self.trackers)], quote_via=quote
        )
        return f"magnet:?{'&'.join(topics)}&{rest}"

    def paths(self, folder: Path) -> Iterator[Path]:
        """Where its files lie if its save path is ``folder``."""
        root = folder if self.is_single_file else folder / stored_name(self.name)
        return (root.joinpath(*map(stored_name, path.split("/"))) for path in self.files)

    def write(self, folder: Path, change: Callable[[bytes], bytes] = bytes) -> None:
        """Writes its content, ``change``d, under the save path ``folder``."""
        for path, content in zip(self.paths(folder), self.files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(change(content))

    def cross_seed(self, source: str, *trackers: str) -> Torrent:
        """The same content from another tracker: other hashes, equal files."""
        return replace(self, source=source, tiers=tuple((url,) for url in trackers))

    @cached_property
    def _info_bytes(self) -> bytes:
        return bencode(self._info)

    @cached_property
    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {"name": self.name, "piece length": PIECE}
        if self.is_private:
            info["private"] = 1
        if self.source:
            info["source"] = self.source
        if self.kind is not Kind.V2:
            info |= self._v1_part()
        if self.kind is not Kind.V1:
            info |= {"meta version": 2, "file tree": _file_tree(self.files)}
        return info

    def _v1_part(self) -> dict[str, Any]:
        if self.is_single_file:
            content = self.files[self.name]
            return {"length": len(content), "pieces": _pieces(content)}
        # A hybrid's files each begin a piece, filled up with pad files; v1 runs them together.
        # v2 orders its tree by path, and the two lists must agree.
        is_padded = self.kind is Kind.HYBRID
        files = sorted(self.files.items()) if is_padded else list(self.files.items())
        listed: list[dict[str, Any]] = []
        stream = bytearray()
        for number, (path, content) in enumerate(files, start=1):
            listed.append({"length": len(content), "path": path.split("/")})
            stream += content
            missing = -len(stream) % PIECE
            if is_padded and missing and number < len(files):
                listed.append({"attr": "p", "length": missing, "path": [".pad", str(missing)]})
                stream += bytes(missing)
        return {"files": listed, "pieces": _pieces(bytes(stream))}


def single(name: str = "film.mkv", *trackers: str, size: int = 1000, **rest: Any) -> Torrent:
    """A torrent of one file; its content comes from its name, so equal calls are equal."""
    return Torrent(name, {name: content_of(name, size)}, tiers=tiers(*trackers), **rest)


def folder(
    name: str = "A series",
    *trackers: str,
    paths: Sequence[str] = ("one.mkv", "sub/two.mkv", "info.nfo"),
    size: int = 1000,
    **rest: Any,
) -> Torrent:
    """A torrent of several files under one folder."""
    files = {path: content_of(f"{name}/{path}", size) for path in paths}
    return Torrent(name, files, tiers=tiers(*trackers), **rest)


def tiers(*trackers: str) -> tuple[tuple[str, ...], ...]:
    """One tier for each tracker."""
    return tuple((url,) for url in trackers)


def many(count: int, *trackers: str, size: int = 100, prefix: str = "torrent") -> list[Torrent]:
    """``count`` different single-file torrents, ``torrent-00000`` and on."""
    return [single(f"{prefix}-{number:05}", *trackers, size=size) for number in range(count)]


def stored_name(name: str) -> str:
    """What every supported server makes of a name, in its list and on disk.

    Marks of writing direction go, control characters become ``_``, and of over 240 bytes the
    first 240 (a last character whole) and the extension stay.
    """
    shown = "".join(
        "_" if character < " " else character for character in name if character not in _DIRECTIONS
    )
    if len(shown.encode()) <= _LONGEST_NAME:
        return shown
    lengths = accumulate(len(character.encode()) for character in shown)
    kept = next(count for count, length in enumerate(lengths, 1) if length >= _LONGEST_NAME)
    extension = re.search(r"\.[^.]{0,8}$", shown)
    return shown[:kept] + (extension[0] if extension else "")


def content_of(seed: str, size: int = 1000) -> bytes:
    """``size`` bytes that look random and are the same for the same seed."""
    return random.Random(seed).randbytes(size)


# Names that hurt. Servers change some of them (``stored_name``), but not if given by renaming.
HARD_NAMES = (
    "the \"quoted\" 'film' `x` $HOME.mkv",
    "comma, semicolon; and | pipe.mkv",
    "percent %20 %N & ampersand + plus = # hash.mkv",
    "línea · ünïcödé · 日本語 · 🎬.mkv",
    "e\u0301 decomposed.mkv",
    "\u202eright to left\u202c שלום عالم.mkv",
    "line one\nline two.mkv",
    "tab\tand [brackets] {braces} (parens) !#@.mkv",
    " leading and trailing blanks .mkv",
    "<b>html<i> & 'sql'; --.mkv",
    "ü" * 123 + ".mkv",  # 250 bytes
    "x" * 246 + ".mkv",
)


# --- bencoding and hashing -----------------------------------------------------------------


def bencode(value: Any) -> bytes:
    """Bencoding (BEP 3); dictionaries sorted by the bytes of their keys."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return bencode(value.encode())
        case Mapping():
            pairs = sorted((_bytes(key), item) for key, item in value.items())
            return b"d" + b"".join(bencode(key) + bencode(item) for key, item in pairs) + b"e"
        case _:
            return b"l" + b"".join(map(bencode, value)) + b"e"


def _bytes(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key


def _pieces(content: bytes) -> bytes:
    return b"".join(hashlib.sha1(piece).digest() for piece in _split(content))


def _leaves(content: bytes) -> list[bytes]:
    return [hashlib.sha256(block).digest() for block in _split(content)]


def _split(content: bytes) -> Iterable[bytes]:
    return (content[start : start + PIECE] for start in range(0, len(content), PIECE))


def _merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves, filled up with zeros to a power of two (BEP 52)."""
    width = 1 << max(len(leaves) - 1, 0).bit_length()
    level = [*leaves, *[bytes(32)] * (width - len(leaves))]
    while len(level) > 1:
        level = [hashlib.sha256(left + right).digest() for left, right in _pairs(level)]
    return level[0]


def _pairs(level: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
    return zip(level[::2], level[1::2], strict=True)


def _file_tree(files: Mapping[str, bytes]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, content in files.items():
        node = tree
        for part in path.split("/"):
            node = node.setdefault(part, {})
        leaf: dict[str, Any] = {"length": len(content)}
        if content:
            leaf["pieces root"] = _merkle_root(_leaves(content))
        node[""] = leaf
    return tree
