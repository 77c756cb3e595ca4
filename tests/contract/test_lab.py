"""The lab itself, on real servers: what every other test of this project stands on."""

from __future__ import annotations

import pytest

from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.servers import Server, StartServer, StartServers
from tests.lab.suites import Suite
from tests.lab.torrents import Kind


def test_every_generation_starts_with_the_version_its_package_has(server: Server) -> None:
    assert server.version == server.tree.version
    assert server.api.torrents() == []


def test_all_generations_start_side_by_side(start_servers: StartServers) -> None:
    started = start_servers()
    assert [server.suite for server in started] == list(Suite)
    assert all(server.is_running for server in started)


def test_a_server_asks_for_a_login_if_a_test_wants_one(start_server: StartServer) -> None:
    server = start_server(Suite.TRIXIE, login=True, tls=True, password="ünsafe & so")
    assert server.url.startswith("https://")
    assert server.api.torrents() == []


def test_a_server_keeps_its_torrents_over_a_restart(server: Server) -> None:
    [added] = library.add(server, torrents.single(), category="films", tags=["a", "b c"])
    port = server.port
    server.stop()
    server.start()
    assert server.port == port
    [row] = library.settle(server, [added])
    assert (row["category"], row["progress"]) == ("films", 1)
    assert sorted(row["tags"].split(", ")) == ["a", "b c"]


@pytest.mark.parametrize("content", [Content.COMPLETE, Content.CHECKED])
def test_content_on_disk_makes_a_torrent_complete(server: Server, content: Content) -> None:
    made = [torrents.single(), torrents.folder(), torrents.folder("hybrid", kind=Kind.HYBRID)]
    added = library.add(server, *made, content=content)
    assert [row["progress"] for row in library.settle(server, added)] == [1, 1, 1]


@pytest.mark.parametrize("content", [Content.WRONG, Content.MISSING])
def test_other_content_leaves_a_torrent_incomplete(server: Server, content: Content) -> None:
    added = library.add(server, torrents.single(), content=content)
    assert [row["progress"] for row in library.settle(server, added)] == [0]


def test_two_thousand_torrents_are_added_in_seconds(server: Server) -> None:
    added = library.add(server, *torrents.many(2_000), category="many", tags=["x"])
    assert len(set(added)) == 2_000
    rows = server.api.torrents()
    assert {(row["category"], row["tags"], row["progress"]) for row in rows} == {("many", "x", 1)}
