"""Reading ``.torrent`` files: hashes and files are those that servers tell."""

from __future__ import annotations

import pytest

from qbm.model.metainfo import bdecoded, metainfo_of
from tests.lab import torrents
from tests.lab.torrents import Kind, bencode


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "made", [torrents.single, torrents.folder], ids=["single file", "several files"]
)
def test_a_torrent_is_read_with_its_hashes_and_files(kind: Kind, made: object) -> None:
    torrent = (torrents.single if made is torrents.single else torrents.folder)(
        kind=kind, is_private=True
    )
    found = metainfo_of(torrent.metainfo)
    assert (found.infohash_v1, found.infohash_v2) == (torrent.infohash_v1, torrent.infohash_v2)
    assert found.hashes[0] == torrent.hash
    assert (found.name, found.is_private) == (torrent.name, True)
    prefix = "" if torrent.is_single_file else f"{torrent.name}/"
    assert {each.name: each.size for each in found.files} == {
        f"{prefix}{path}": len(content) for path, content in torrent.files.items()
    }


def test_a_folder_with_one_file_in_it_is_no_single_file() -> None:
    for kind in Kind:
        torrent = torrents.folder("A film", paths=("film.mkv",), kind=kind)
        assert [each.name for each in metainfo_of(torrent.metainfo).files] == ["A film/film.mkv"]


def test_a_name_that_is_no_text_is_read_all_the_same() -> None:
    raw = bencode({"info": {"name": b"caf\xe9.mkv", "length": 3, "pieces": b""}})
    assert metainfo_of(raw).name == "caf\udce9.mkv"


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"x", b"i5e", b"d4:infoi5ee", b"d4:infod4:name", b"5:abc", b"-5:abc", b"i5"),
        *(b"l" * 1000, b"d4:infod4:name1:x5:filesi3eee", b"d4:infod4:name1:x5:filesl1:aeee"),
        b"d4:infod12:meta versioni2e4:name1:xee",
    ],
)
def test_what_is_no_torrent_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"no (\.torrent|bencoding)"):
        metainfo_of(raw)


def test_bencoding_is_read_back_as_it_was_written() -> None:
    value = {b"a": [1, -2, b"text"], b"b": {b"": b""}, b"c": []}
    assert bdecoded(bencode({"a": [1, -2, "text"], "b": {"": ""}, "c": []})) == value
