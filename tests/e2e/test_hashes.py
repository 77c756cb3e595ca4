"""A request names torrents by any of their hashes (spec: decisions, *Hashes*)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine import a_request, carry_out
from tests.lab import library, torrents
from tests.lab.proxy import Proxy
from tests.lab.servers import Server
from tests.lab.torrents import Kind, Torrent

_URL = "http://127.0.0.1:1/announce/alpha"
_SECTIONS: dict[str, Any] = {"tracker": {"alpha": {"tag": "A"}}}


def _known_by(torrent: Torrent, server: Server) -> list[str]:
    """Every hash that somebody may call the torrent by on that server."""
    v1, v2 = torrent.infohash_v1, torrent.infohash_v2
    if server.version.startswith("4.2."):  # libtorrent 1: it has no other there
        return [v1]
    return [each for each in (v1, v2, v2[:40]) if each]


@pytest.mark.parametrize("kind", list(Kind))
def test_each_hash_of_a_torrent_means_it_and_nothing_else(
    server: Server, tmp_path: Path, kind: Kind
) -> None:
    if kind is Kind.V2 and server.version.startswith("4.2."):
        pytest.skip("qBittorrent 4.2 takes no v2 torrents")
    wanted = torrents.single("wanted.bin", _URL, kind=kind)
    hashes = library.add(server, wanted, torrents.single("other.bin", _URL))
    for number, each in enumerate(_known_by(wanted, server)):
        for spelled in (each, each.upper()):
            folder = tmp_path / f"{number}-{spelled.isupper()}"
            report = carry_out(server.url, folder, _SECTIONS, a_request(hashes=(spelled,)))
            assert report.warnings == ()
            assert report.stats["tagged"] == 1, (each, spelled)
            rows = server.api.by_hash()
            assert [rows[found]["tags"] for found in hashes] == ["A", ""]
            server.api.post("torrents/removeTags", hashes=hashes[0], tags="A")


def test_one_hash_is_read_without_the_rest_of_the_library(server: Server, tmp_path: Path) -> None:
    hashes = library.add(server, *torrents.many(20, _URL))
    with Proxy(server.url) as proxy:
        report = carry_out(proxy.url, tmp_path, _SECTIONS, a_request(hashes=(hashes[7],)))
        assert report.torrents == 1
        assert report.stats["tagged"] == 1
        assert all(each.received < 20_000 for each in proxy.exchanges)
        asked = [each for each in proxy.exchanges if each.path == "torrents/info"]
        assert {each.form.get("hashes") for each in asked} == {hashes[7]}
