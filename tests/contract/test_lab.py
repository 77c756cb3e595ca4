"""The lab itself, on real servers: what every other test of this project stands on."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPException, RemoteDisconnected
from pathlib import Path
from typing import Any

import libtorrent
import psutil
import pytest

from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.ports import refusing_port
from tests.lab.proxy import Answer, Cut, CutBody, Delay, Fault, Moment, Pause, ProxyOf, is_write
from tests.lab.servers import Server, StartServer, StartServers, differences, running, state_of
from tests.lab.suites import Suite
from tests.lab.torrents import HARD_NAMES, Kind, Torrent, stored_name
from tests.lab.tracker import (
    UNKNOWN_HOST_URL,
    UNREGISTERED,
    Fails,
    HangsUp,
    Page,
    Silence,
    Status,
    Tracker,
    Works,
)
from tests.lab.tracker import Answer as TrackerAnswer
from tests.lab.webapi import RefusedError, WebApi

_PROJECT = Path(__file__).resolve().parents[2]

trixie_only = pytest.mark.parametrize("server", [Suite.TRIXIE], indirect=True, ids=str)


# --- servers ---------------------------------------------------------------------------------


def test_every_generation_starts_with_the_version_its_package_has(server: Server) -> None:
    assert server.version == server.tree.version
    assert server.api.torrents() == []


def test_all_generations_start_side_by_side_and_end(start_servers: StartServers) -> None:
    started = start_servers()
    assert [server.suite for server in started] == list(Suite)
    pids = [server.pid for server in started]
    for server in started:
        server.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert running() == []


@pytest.mark.parametrize("server_suite", list(Suite), ids=str)
def test_a_server_asks_for_a_login_over_tls_if_a_test_wants_it(
    start_server: StartServer,
    server_suite: Suite,
) -> None:
    server = start_server(server_suite, login=True, tls=True, password="ünsafe & so")
    with WebApi(server.url, server.ca_file) as stranger:
        with pytest.raises(RefusedError) as refused:
            stranger.torrents()
        assert refused.value.status == 403
        with pytest.raises(RefusedError):
            stranger.login(server.username, "wrong")
    assert server.api.torrents() == []


def test_a_server_takes_the_preferences_a_test_gives(start_server: StartServer) -> None:
    server = start_server(preferences={"max_ratio_enabled": True, "max_ratio": 2.5})
    assert server.api.preferences()["max_ratio"] == 2.5


def test_a_server_keeps_its_torrents_over_a_restart_and_a_kill(server: Server) -> None:
    [added] = library.add(server, torrents.single(), category="films", tags=["a", "b c"])
    port = server.port
    library.saved(server, [added])
    server.stop()
    server.start()
    server.kill()
    server.start()
    assert server.port == port
    [row] = library.settle(server, [added])
    assert (row["category"], row["progress"]) == ("films", 1)
    assert sorted(row["tags"].split(", ")) == ["a", "b c"]


def test_a_server_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from tests.lab.servers import Server\n"
        "from tests.lab.suites import Suite, tree_of\n"
        "server = Server(tree_of(Suite.TRIXIE), pathlib.Path(sys.argv[1])).start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, cwd=_PROJECT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        assert psutil.pid_exists(pid)
        starter.send_signal(signal.SIGKILL)
    library.wait_for(lambda: psutil.pid_exists(pid), lambda lives: not lives)


@trixie_only
def test_a_change_of_state_is_seen_and_named(server: Server) -> None:
    [added] = library.add(server, torrents.single())
    before = state_of(server)
    assert differences(before, state_of(server)) == []
    server.api.post("torrents/addTags", hashes=added, tags="left")
    server.api.post("torrents/createCategory", category="behind", savePath="")
    server.api.set_preferences(max_ratio_enabled=True)
    named = differences(before, state_of(server))
    for part in (f"torrents/{added}/tags", "tags/left", "categories/behind", "preferences/max_"):
        assert any(line.startswith(part) for line in named), named


# --- what the fixtures promise ---------------------------------------------------------------

_RULE_BREAKERS = """
from tests.lab.servers import Server
from tests.lab.suites import Suite, tree_of

def test_leaves_a_tag(shared_server):
    shared_server.api.post("torrents/createTags", tags="left behind")

def test_leaves_a_server_running(start_server, tmp_path):
    server = Server(tree_of(Suite.TRIXIE), tmp_path).start()

def test_leaves_nothing(trixie_server):
    trixie_server.api.post("torrents/createTags", tags="goes with the server")
"""


def _pytest(file: Path, **environment: str) -> str:
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "pyproject.toml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(file.parent), str(file)],
        cwd=_PROJECT,
        env=os.environ | {"PYTEST_XDIST_WORKER": "", "PYTEST_ADDOPTS": ""} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_test_that_leaves_state_or_a_process_fails(tmp_path: Path) -> None:
    file = tmp_path / "test_rule_breakers.py"
    file.write_text(_RULE_BREAKERS, encoding="utf-8")
    told = _pytest(file)
    assert """left the shared server changed: ["tags/left behind: 'nothing' -> True"]""" in told
    assert "the test left running: [" in told
    assert "qBittorrent of trixie on port" in told
    assert "ERROR test_rule_breakers.py::test_leaves_nothing" not in told


@pytest.mark.parametrize(("required", "outcome"), [("", "5 skipped"), ("1", "2 skipped, 3 errors")])
def test_a_server_that_cannot_be_had_is_a_counted_skip_or_if_required_a_failure(
    tmp_path: Path,
    required: str,
    outcome: str,
) -> None:
    file = tmp_path / "test_wants_servers.py"
    file.write_text(
        "def test_of_one(server): pass\ndef test_of_trixie(trixie_server): pass\n",
        encoding="utf-8",
    )
    nothing_here = str(tmp_path / "empty")
    told = _pytest(file, QBM_LAB=nothing_here, PATH=nothing_here, QBM_REQUIRE_SERVERS=required)
    assert "REAL SERVERS MISSING" in told
    assert "this system has no apt-get" in told
    assert outcome in told


# --- torrents --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("make", [torrents.single, torrents.folder])
@pytest.mark.parametrize("size", [1, 16_384, 100_000])
def test_libtorrent_reads_the_hashes_we_compute(
    make: Callable[..., Torrent],
    kind: Kind,
    size: int,
) -> None:
    torrent = make("name", "http://127.0.0.1:1/announce/x", size=size, kind=kind)
    read = libtorrent.load_torrent_buffer(torrent.metainfo).info_hashes
    assert (str(read.v1) if read.has_v1() else "") == torrent.infohash_v1
    assert (str(read.v2) if read.has_v2() else "") == torrent.infohash_v2


@pytest.mark.parametrize("kind", list(Kind))
def test_a_server_knows_a_torrent_by_the_hashes_of_its_kind(server: Server, kind: Kind) -> None:
    torrent = torrents.folder("of a kind", kind=kind, size=40_000)
    if kind is Kind.V2 and server.suite is Suite.BULLSEYE:
        with pytest.raises(RefusedError, match="415"):
            library.add(server, torrent)
        return
    [added] = library.add(server, torrent, content=Content.CHECKED)
    [row] = server.api.torrents()
    assert row["hash"] == added == library.hash_on(server, torrent)
    if server.suite is not Suite.BULLSEYE:
        assert row["infohash_v1"] == torrent.infohash_v1
        assert row["infohash_v2"] == torrent.infohash_v2


@pytest.mark.parametrize("content", [Content.COMPLETE, Content.CHECKED])
def test_content_on_disk_makes_a_torrent_complete(server: Server, content: Content) -> None:
    made = [torrents.single(), torrents.folder()]
    added = library.add(server, *made, content=content)
    assert [row["progress"] for row in library.settle(server, added)] == [1, 1]


@pytest.mark.parametrize("content", [Content.WRONG, Content.MISSING])
def test_other_content_leaves_a_torrent_incomplete(server: Server, content: Content) -> None:
    added = library.add(server, torrents.single(), content=content)
    assert [row["progress"] for row in library.settle(server, added)] == [0]


def test_names_that_hurt_are_shown_and_stored_as_we_expect(server: Server) -> None:
    made = [torrents.single(name) for name in HARD_NAMES]
    made += [torrents.folder(f"folder {name}", paths=(name, "b")) for name in HARD_NAMES]
    # Complete without a check means that the server found the files where we had put them.
    library.add(server, *made)
    shown = {row["name"] for row in server.api.torrents()}
    assert shown == {stored_name(torrent.name) for torrent in made}


def test_a_rename_gives_a_name_that_a_torrent_cannot_have(server: Server) -> None:
    hurtful = "\u202eline one\nline two\t" + "x" * 230
    library.add(server, torrents.single(), rename=hurtful)
    assert [row["name"] for row in server.api.torrents()] == [hurtful]


def test_cross_seeds_equal_names_and_hard_links_are_complete(server: Server) -> None:
    first = torrents.folder("film", "http://127.0.0.1:9/announce/a")
    crossed = first.cross_seed("OTHER", "http://127.0.0.1:9/announce/b")
    equal_name = torrents.folder("film", size=2_000)
    linked = first.cross_seed("THIRD", "http://127.0.0.1:9/announce/c")
    elsewhere, links = server.folder / "elsewhere", server.folder / "links"
    library.add(server, first)
    library.add(server, crossed, content=Content.ON_DISK)
    library.add(server, equal_name, save_path=elsewhere)
    library.hard_link(first, server.save_path, links)
    library.add(server, linked, content=Content.ON_DISK, save_path=links)
    rows = server.api.torrents()
    assert {row["name"] for row in rows} == {"film"}
    assert len({row["hash"] for row in rows}) == 4
    assert {row["progress"] for row in rows} == {1}
    assert {path.stat().st_nlink for path in first.paths(links)} == {2}


def test_a_magnet_nobody_answers_has_no_metadata(server: Server) -> None:
    torrent = torrents.single("only a magnet", "http://127.0.0.1:9/announce/a")
    added = library.add_magnet(server, torrent)
    [row] = library.settle(server, [added])
    assert (row["name"], row["state"], row["size"]) == ("only a magnet", "metaDL", 0)


def test_a_private_torrent_says_so_where_the_server_tells(server: Server) -> None:
    [added] = library.add(server, torrents.single(is_private=True))
    told = server.api.get("torrents/properties", hash=added)
    row = library.settle(server, [added])[0]
    expected = {
        Suite.BULLSEYE: (None, None),
        Suite.BOOKWORM: (None, True),
        Suite.TRIXIE: (True, True),
        Suite.BACKPORTS: (True, True),
    }
    assert (row.get("private"), told.get("is_private")) == expected[server.suite]


def test_automatic_management_finds_content_in_the_category_folder(server: Server) -> None:
    server.api.post("torrents/createCategory", category="tv", savePath="")
    [added] = library.add(server, torrents.single(), category="tv", auto_tmm=True)
    [row] = library.settle(server, [added])
    assert row["auto_tmm"] is True
    assert Path(row["save_path"]) == server.save_path / "tv"


def test_two_thousand_torrents_are_added_in_seconds(server: Server) -> None:
    added = library.add(server, *torrents.many(2_000), category="many", tags=["x"])
    assert len(set(added)) == 2_000
    rows = server.api.torrents()
    assert {(row["category"], row["tags"], row["progress"]) for row in rows} == {("many", "x", 1)}
    library.saved(server, added)
    server.stop()
    assert len(server.start().api.torrents()) == 2_000


# --- tracker ---------------------------------------------------------------------------------

_ANSWERS: dict[str, TrackerAnswer] = {
    "works": Works(),
    "warns": Works(warning="be careful"),
    "unregistered": UNREGISTERED,
    "no reason": Fails(""),
    "404": Status(404),
    "503": Status(503, reason="Unregistered torrent"),
    "page": Page(),
    "hangs up": HangsUp(),
}


def _expected_rows(suite: Suite) -> dict[str, tuple[int, str]]:
    """Status and text of each case, as the spec's table has them."""
    has_texts = suite is not Suite.BULLSEYE
    refusal = 5 if suite is Suite.BACKPORTS else 4

    def text(told: str) -> str:
        return told if has_texts else ""

    return {
        "works": (2, ""),
        "warns": (2, text("be careful")),
        "unregistered": (refusal, "Unregistered torrent"),
        "no reason": (refusal, text("tracker sent a failure message")),
        "404": (4, "Not Found"),
        "503": (4, "Service Unavailable"),
        "page": (4, text("expected value (list, dict, int or string) in bencoded string")),
        "hangs up": (4, text("unexpected end of file in bencoded string")),
        "refused": (4, text("Connection refused")),
        "unknown host": (4, text("Host not found")),
        "stopped": (1, ""),
    }


def test_each_tracker_answer_gives_the_rows_of_the_spec(server: Server, tracker: Tracker) -> None:
    for passkey, answer in _ANSWERS.items():
        tracker.answer(passkey, answer)
    urls = {passkey: tracker.url(passkey) for passkey in _ANSWERS}
    urls |= {
        "refused": f"http://127.0.0.1:{refusing_port()}/announce/x",
        "unknown host": UNKNOWN_HOST_URL,
    }
    made = [torrents.single(case, url) for case, url in urls.items()]
    library.add(server, *made, is_stopped=False)
    [stopped] = library.add(server, torrents.single("stopped", tracker.url("stopped")))

    rows = {
        torrent.name: library.announced(server, library.hash_on(server, torrent))[0]
        for torrent in made
    }
    rows["stopped"] = server.api.trackers(stopped)[0]

    shown = {case: (row["status"], row["msg"]) for case, row in rows.items()}
    # The rest of the text depends on the machine's resolver.
    status, text = shown["unknown host"]
    shown["unknown host"] = (status, text[: len("Host not found")])
    assert shown == _expected_rows(server.suite)
    assert tracker.announces_of("stopped") == []
    works = next(torrent for torrent in made if torrent.name == "works")
    assert {one.event for one in tracker.announces_of(works.infohash_v1)} == {"started"}


@pytest.mark.parametrize("answer", [UNREGISTERED, Status(503), Page(), HangsUp()], ids=str)
def test_a_tracker_that_recovers_shows_as_working(
    server: Server,
    tracker: Tracker,
    answer: Fails | Status | Page | HangsUp,
) -> None:
    torrent = torrents.single("comes back", tracker.url("mine"))
    tracker.answer(torrent.infohash_v1, answer)
    [added] = library.add(server, torrent, is_stopped=False)
    assert library.announced(server, added)[0]["status"] in {4, 5}
    tracker.answer(torrent.infohash_v1, Works())

    library.reannounce(server, added)

    # The status may change a moment before the old message goes.
    def is_well(rows: list[dict[str, Any]]) -> bool:
        return (rows[0]["status"], rows[0]["msg"]) == (2, "")

    [row] = library.announced(server, added, is_right=is_well)
    assert is_well([row])


_Row = tuple[int, bool, str]


def _wait_until_shown(shown: Callable[[], set[_Row]], row: _Row) -> None:
    library.wait_for(shown, lambda rows: row in rows, seconds=60)


def test_a_silent_tracker_is_updating_and_after_half_a_minute_has_timed_out(
    start_servers: StartServers,
    tracker: Tracker,
) -> None:
    tracker.default = Silence()
    started = start_servers()
    # Several, as 5.x now and then misses what became of one.
    made = torrents.many(3, tracker.url())
    for server in started:
        library.add(server, *made, is_stopped=False)

    def shown(server: Server) -> set[_Row]:
        hashes = [library.hash_on(server, torrent) for torrent in made]
        rows = [server.api.trackers(one)[0] for one in hashes]
        return {(row["status"], row.get("updating", False), row["msg"]) for row in rows}

    for server in started:
        updating = (1, True, "") if server.suite is Suite.BACKPORTS else (3, False, "")
        _wait_until_shown(functools.partial(shown, server), updating)
    for server in started:
        timed_out = (4, False, "" if server.suite is Suite.BULLSEYE else "timed out")
        _wait_until_shown(functools.partial(shown, server), timed_out)


# --- proxy -----------------------------------------------------------------------------------


@trixie_only
def test_the_proxy_records_what_was_asked(server: Server, proxy_of: ProxyOf) -> None:
    [added] = library.add(server, torrents.single())
    proxy = proxy_of(server, base_path="/behind/a/proxy")
    with WebApi(proxy.url) as api:
        assert api.torrents(hashes=added)[0]["hash"] == added
        api.post("torrents/addTags", hashes=added, tags="ä, b")
    assert [(one.method, one.path, one.status) for one in proxy.exchanges] == [
        ("GET", "torrents/info", 200),
        ("POST", "torrents/addTags", 200),
    ]
    assert proxy.exchanges[0].query == {"hashes": added}
    assert proxy.exchanges[0].received > 100
    assert [one.form for one in proxy.writes] == [{"hashes": added, "tags": "ä, b"}]
    assert (proxy.connections, proxy.peak) == (1, 1)
    assert sorted(server.api.tags()) == ["b", "ä"]


@trixie_only
@pytest.mark.parametrize("fault", [Cut(), Cut(Moment.AFTER), CutBody()], ids=str)
def test_the_proxy_cuts_connections(server: Server, proxy_of: ProxyOf, fault: Fault) -> None:
    proxy = proxy_of(server)
    # The raw client tries a cut connection once more.
    proxy.inject(fault, times=2)
    with WebApi(proxy.url) as api:
        with pytest.raises((RemoteDisconnected, ConnectionError, HTTPException)):
            api.get("app/version")
        assert api.get("app/version").startswith("v5")
    assert len(proxy.exchanges) == 3


@trixie_only
def test_the_proxy_answers_delays_and_skips_as_told(server: Server, proxy_of: ProxyOf) -> None:
    proxy = proxy_of(server)
    proxy.inject(Answer(403), is_write, skip=1)
    proxy.inject(Delay(0.3))
    with WebApi(proxy.url) as api:
        api.post("torrents/createTags", tags="one")
        with pytest.raises(RefusedError, match="403"):
            api.post("torrents/createTags", tags="two")
        api.post("torrents/createTags", tags="three")
    assert proxy.exchanges[0].seconds >= 0.3
    assert [one.status for one in proxy.writes] == [200, 403, 200]
    assert server.api.tags() == ["one", "three"]


@trixie_only
def test_the_proxy_closes_idle_connections_and_the_next_request_opens_one(
    server: Server,
    proxy_of: ProxyOf,
) -> None:
    proxy = proxy_of(server)
    with WebApi(proxy.url) as api:
        api.get("app/version")
        assert proxy.drop_idle() == 1
        api.get("app/version")
    assert proxy.connections == 2


@trixie_only
async def test_a_server_restarted_at_a_pause_has_forgotten_what_it_had_not_saved(
    server: Server,
    proxy_of: ProxyOf,
) -> None:
    proxy = proxy_of(server)
    pause = Pause(Moment.BEFORE)
    proxy.inject(pause, is_write)
    with WebApi(proxy.url) as api:
        asking = asyncio.create_task(
            asyncio.to_thread(api.post, "torrents/createTags", tags="late"),
        )
        await asyncio.to_thread(pause.wait)
        assert server.api.tags() == []
        server.stop()
        server.start()
        pause.go_on()
        await asking
    assert server.api.tags() == ["late"]
