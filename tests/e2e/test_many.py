"""Two thousand torrents in one go, on every generation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from qbm.gateways.qbittorrent import MOST_HASHES
from tests.lab import library, torrents
from tests.lab.proxy import Proxy
from tests.lab.servers import Server
from tests.program import classic, write_config

_WORDS = ("alpha", "beta", "gamma", "delta")
_COUNT = 2_000


def test_two_thousand_torrents_in_one_go(server: Server, tmp_path: Path) -> None:
    urls = [f"http://127.0.0.1:1/announce/{word}" for word in _WORDS]
    made = [torrents.single(f"{n:05}.bin", urls[n % 4], size=10) for n in range(_COUNT)]
    half = _COUNT // 2
    library.add(server, *made[:half], save_path=server.save_path / "films")
    library.add(server, *made[half:], save_path=server.save_path / "tv")
    with Proxy(server.url) as proxy:
        sections: dict[str, Any] = {
            "qbt": {"host": proxy.url},
            "cat": {"films": f"{server.save_path}/films", "tv": f"{server.save_path}/tv"},
            "tracker": {word: {"tag": word.upper()} for word in _WORDS},
        }
        write_config(tmp_path, sections)
        first = classic(tmp_path, "--cat-update", "--tag-update")
        assert first.status == 0, first.errors
        sent = [
            len(each.form["hashes"].split("|")) for each in proxy.writes if "hashes" in each.form
        ]
        assert sum(sent) == 2 * _COUNT
        assert max(sent) <= MOST_HASHES
        assert proxy.peak <= 8
        proxy.forget()
        second = classic(tmp_path, "--cat-update", "--tag-update")
        assert second.status == 0, second.errors
        assert proxy.writes == []
    rows = server.api.torrents()
    assert Counter(row["category"] for row in rows) == {"films": half, "tv": half}
    assert Counter(row["tags"] for row in rows) == {word.upper(): _COUNT // 4 for word in _WORDS}
