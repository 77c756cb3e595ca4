"""The simulator answers as the real servers do, generation by generation.

Every request goes to a real server and to the simulator of its generation, which starts
each test with the same library; a difference fails.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, DummyCookieJar

from qbm.simulator.routes import ROUTES
from tests.contract.pair import Caller, Pair, mirrored
from tests.lab import library, torrents
from tests.lab.library import Content, UnsettledError
from tests.lab.servers import Server
from tests.lab.torrents import Kind
from tests.lab.tracker import Answer, Fails, Status, Tracker, Works

NOBODY = "b" * 40


@dataclass(frozen=True, slots=True)
class Stock:
    """The torrents of a server that all tests of this module share."""

    server: Server
    running: list[str]
    stopped: list[str]

    @property
    def hashes(self) -> list[str]:
        return [*self.running, *self.stopped]


@pytest.fixture(scope="module")
def stock(module_server: Server) -> Iterator[Stock]:
    """One torrent of every kind that tells on the answers."""
    with Tracker() as tracker:
        answers: dict[str, Answer] = {
            "works": Works(),
            "warns": Works(warning="Careful"),
            "fails": Fails("Unregistered torrent"),
            "gone": Status(404),
        }
        for passkey, answer in answers.items():
            tracker.answer(passkey, answer)
        works, warns, fails, gone = map(tracker.url, ("works", "warns", "fails", "gone"))
        running = library.add(
            module_server,
            torrents.single("film.mkv", works),
            torrents.folder("A series", fails, works),
            torrents.single("private.mkv", fails, is_private=True),
            torrents.folder("hybrid", warns, kind=Kind.HYBRID),
            torrents.single("gone.mkv", gone, size=20_000),
            is_stopped=False,
        )
        stopped = library.add(
            module_server,
            torrents.single('"quoted", comma; ünïcödé 🎬.mkv'),
            torrents.folder("One file", works, paths=("sub/only.mkv",)),
        )
        stopped += library.add(
            module_server,
            torrents.folder("Not there", works, size=40_000),
            content=Content.MISSING,
        )
        if not module_server.version.startswith("4.2."):
            stopped += library.add(module_server, torrents.folder("v2", works, kind=Kind.V2))
        magnet = torrents.single("magnet.mkv", works)
        stopped.append(library.add_magnet(module_server, magnet, is_stopped=True))
        for each in running:
            _announced(module_server, each)
        yield Stock(module_server, running, stopped)


def _announced(server: Server, identity: str) -> None:
    """Waits for its trackers; a server that has just started loses sight of an answer at times."""
    for _ in range(5):
        try:
            library.announced(server, identity, 3)
        except UnsettledError:
            library.reannounce(server, identity)
        else:
            return
    library.announced(server, identity)


@pytest.fixture
async def pair(stock: Stock) -> AsyncIterator[Pair]:
    """The real server, put back to its start, and the simulator of the same library."""
    _restore(stock)
    for each in stock.running:
        _announced(stock.server, each)
    simulator = mirrored(stock.server)
    async with simulator.serve() as url, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield Pair(Caller(session, stock.server.url), Caller(session, url), simulator)


def _restore(stock: Stock) -> None:
    api = stock.server.api
    api.post("torrents/setAutoManagement", hashes="all", enable=False)
    api.post("torrents/removeCategories", categories="\n".join(api.categories()))
    api.post("torrents/deleteTags", tags=",".join(api.tags()))
    home = str(stock.server.save_path)
    moved = [row["hash"] for row in api.torrents() if row["save_path"].rstrip("/") != home]
    if moved:
        api.post("torrents/setLocation", hashes="|".join(moved), location=home)
    library.settle(stock.server, stock.hashes, lambda row: row["save_path"].rstrip("/") == home)


async def test_what_a_server_says_of_itself(pair: Pair) -> None:
    await pair.get("app/version")
    await pair.get("app/webapiVersion")
    await pair.get("app/preferences")
    await pair.post("app/version")


async def test_torrents_of_every_kind(pair: Pair, stock: Stock) -> None:
    await pair.get("torrents/info")
    for identity in stock.hashes:
        for path in ("trackers", "properties", "files"):
            await pair.get(f"torrents/{path}", hash=identity)


async def test_a_torrent_is_found_by_the_same_texts(pair: Pair, stock: Stock) -> None:
    known = stock.hashes[0]
    for asked in (known.upper(), NOBODY, "-", "", "all", f"{known}|{NOBODY}"):
        for path in ("trackers", "properties", "files"):
            await pair.get(f"torrents/{path}", hash=asked)


async def test_hashes_choose_the_same_torrents(pair: Pair, stock: Stock) -> None:
    first, second, *_ = stock.hashes
    hybrid = next(row for row in stock.server.api.torrents() if row["name"] == "hybrid")
    texts = [first, first.upper(), f"{first}|{second}|{first}", "all", "", "|", f" {first} "]
    texts += [f"{first},{second}", NOBODY, hybrid["hash"]]
    texts += [hybrid.get("infohash_v1", ""), hybrid.get("infohash_v2", "")]
    for text in texts:
        await pair.get("torrents/info", hashes=text)
    await pair.post("torrents/info", hashes=f"{first}|{second}")
    await pair.ask("POST", "torrents/info", query={"hashes": first}, form={"hashes": second})


async def test_an_unknown_filter_answers_everything(pair: Pair) -> None:
    await pair.get("torrents/info", filter="all")
    for text in ("", "nonsense"):
        rows = await pair.real.ask("GET", "torrents/info", query={"filter": text})
        assert len(rows.json) == len(pair.simulator.library.torrents)


async def test_rows_are_sorted_and_cut_alike(pair: Pair) -> None:
    pages = [{}, {"limit": "2"}, {"limit": "2", "offset": "1"}, {"offset": "-2"}, {"limit": "0"}]
    pages += [{"limit": "-1"}, {"limit": "x"}, {"offset": "100"}, {"offset": "-100"}]
    for page in pages:
        await _same_order(pair, {"sort": "hash", **page})
    await _same_order(pair, {"sort": "hash", "reverse": "true"})
    await pair.ask("GET", "torrents/info", query={"sort": "nonsense"})


async def _same_order(pair: Pair, query: dict[str, str]) -> None:
    real = await pair.real.ask("GET", "torrents/info", query=query)
    simulated = await pair.simulated.ask("GET", "torrents/info", query=query)
    names = [row["name"] for row in real.json]
    assert [row["name"] for row in simulated.json] == names, query


@pytest.mark.parametrize("value", ["true", "TRUE", "1", "yes", "false", ""])
async def test_rows_come_with_trackers_and_files_where_the_server_can(
    pair: Pair, value: str
) -> None:
    await pair.get("torrents/info", includeTrackers=value)
    await pair.get("torrents/info", includeFiles=value)


async def test_main_data_is_the_same_for_whoever_asks_first(pair: Pair) -> None:
    for rid in ("0", "", "-1", "0", "x"):
        await pair.get("sync/maindata", rid=rid)
    await pair.get("sync/maindata", rid="4711")


async def test_wrong_requests_get_the_same_errors(pair: Pair, stock: Stock) -> None:
    paths = [path for path in ROUTES if not path.startswith("auth/")]
    unknown = ["torrents/nonsense", "nonsense/info", "nonsense", "", "torrents/info/", "a-b/c"]
    for path in paths:
        if ROUTES[path].is_write:
            await pair.ask("GET", path)
            await pair.ask("POST", path)
            await pair.ask("GET", path, query={"hashes": NOBODY})
        elif ROUTES[path].needs:
            await pair.ask("GET", path)
    for path in unknown:
        await pair.ask("GET", path)
        await pair.ask("POST", path)
    for method in ("PUT", "DELETE", "OPTIONS"):
        await pair.ask(method, "app/version")


async def test_a_body_that_is_no_form_is_refused(pair: Pair) -> None:
    for kind, body in {
        "application/json": b'{"category": "json"}',
        "text/plain": b"category=text",
        "": b"category=untyped",
    }.items():
        headers = {"Content-Type": kind} if kind else {}
        await pair.ask("POST", "torrents/createCategory", body=body, headers=headers)
    await pair.ask("POST", "torrents/createCategory", query={"category": "query"})
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    await pair.ask("POST", "torrents/createCategory", body=b"category=a%20b+c", headers=form)
    await pair.get("torrents/categories")


TAGS = (
    *("plain", "one,two", " trimmed , both ", ",,", "", ",", " , ", "twice,twice", "Case,case"),
    *("line\nbreak", "\"quoted' `x`", "slash/semi;colon|pipe&amp", "é", "e\u0301", "\u202eRTL"),
    *("🎬", "two  blanks", "\t", "\u00a0", "%20 %", "x" * 300, "~share_limit_1.group"),
)


@pytest.mark.parametrize("tags", TAGS)
async def test_tags_are_read_alike(pair: Pair, stock: Stock, tags: str) -> None:
    first, second, *_ = stock.hashes
    await pair.post("torrents/createTags", tags=f"kept,{tags}")
    await pair.post("torrents/addTags", hashes=f"{first}|{second}", tags="kept,more")
    await pair.post("torrents/addTags", hashes=first, tags=tags)
    await _same_library(pair)
    await pair.post("torrents/removeTags", hashes=first, tags=tags)
    await _same_library(pair)
    await pair.post("torrents/addTags", hashes=first, tags=tags)
    await pair.post("torrents/deleteTags", tags=tags)
    await _same_library(pair)


async def test_tags_go_to_the_same_torrents(pair: Pair, stock: Stock) -> None:
    first, second, *_ = stock.hashes
    for number, hashes in enumerate(
        (
            first,
            first.upper(),
            f"{first}|{second}",
            NOBODY,
            f"{NOBODY}|{first}",
            "-",
            "",
            "|",
            "all",
        )
    ):
        await pair.post("torrents/addTags", hashes=hashes, tags=f"tag {number}")
        await _same_library(pair)
    await pair.post("torrents/removeTags", hashes=first)
    await pair.post("torrents/removeTags", hashes=NOBODY, tags="")
    await pair.post("torrents/removeTags", hashes="all", tags="tag 8")
    await _same_library(pair)


async def _same_library(pair: Pair) -> None:
    for path in ("tags", "categories", "info"):
        await pair.get(f"torrents/{path}")


CATEGORIES = (
    *("plain", "PLAIN", " blanks ", "", "/", "a/b", "a/b/c", "a//b", "/a", "a/", "a//", "a\\b"),
    *("quoted\"'", "é", "line\nbreak", "x,y", "x" * 300, ".", "..", "\t", " ", "\u202eRTL", "🎬"),
    *("a:b", "what?*<>|", "dot.", "a/../b", "a/ b ", "\x01", "\u00a0", "~", "%20"),
)


async def test_categories_are_named_alike(pair: Pair) -> None:
    for name in CATEGORIES:
        await pair.post("torrents/createCategory", category=name)
        await pair.post("torrents/createCategory", category=name)
    await pair.get("torrents/categories")
    await pair.post("torrents/removeCategories", categories="a\nnobody's\n\nplain")
    await pair.post("torrents/removeCategories", categories="")
    await pair.get("torrents/categories")


async def test_paths_of_categories_are_kept_alike(pair: Pair) -> None:
    for number, path in enumerate(("/data/tv", "/data/tv/", "rel/x", "rel//y/", "/a/../b", " ")):
        await pair.post("torrents/createCategory", category=f"c{number}", savePath=path)
    await pair.post("torrents/createCategory", category="c0", savePath="/elsewhere")
    for flag in ("true", "false", ""):
        await pair.post(
            "torrents/createCategory",
            category=f"d{flag}",
            downloadPathEnabled=flag,
            downloadPath="/incomplete",
        )
    await pair.get("torrents/categories")
    for name in ("c0", "c1", "nobody's", ""):
        await pair.post("torrents/editCategory", category=name)
        await pair.post("torrents/editCategory", category=name, savePath="/data/new")
        await pair.post("torrents/editCategory", category=name, savePath="/data/new/")
        await pair.post("torrents/editCategory", category=name, savePath="")
    await pair.get("torrents/categories")


async def test_categories_go_to_the_same_torrents(pair: Pair, stock: Stock) -> None:
    first, second, *_ = stock.hashes
    await pair.post("torrents/createCategory", category="tv", savePath="/data/tv")
    for hashes, name in (
        (first, "tv"),
        (first, "tv"),
        (f"{NOBODY}|{second}", "tv"),
        (first, "nobody's"),
        (NOBODY, "nobody's"),
        (NOBODY, "tv"),
        ("", "nobody's"),
        (first, "TV"),
        (first, " tv"),
        (first.upper(), ""),
        ("all", "tv"),
    ):
        await pair.post("torrents/setCategory", hashes=hashes, category=name)
        await _same_library(pair)
    await pair.post("torrents/setCategory", hashes=first)
    await pair.post("torrents/removeCategories", categories="tv")
    await _same_library(pair)


async def test_automatic_management_is_switched_alike(pair: Pair, stock: Stock) -> None:
    first, second, *_ = stock.hashes
    for hashes, enable in (
        (first, "maybe"),
        (first, "1"),
        (first, "True"),
        (NOBODY, "true"),
        (f"{first}|{second}", "true"),
        (first, ""),
        ("all", "false"),
    ):
        await pair.post("torrents/setAutoManagement", hashes=hashes, enable=enable)
        await _same_library(pair)


async def test_an_automatic_torrent_follows_its_category(
    pair: Pair, stock: Stock, tmp_path: Path
) -> None:
    quiet = stock.stopped[0]
    home = str(tmp_path)
    for name, path in {
        "bare": "",
        "absolute": f"{home}/tv/",
        "relative": "rel/x",
        "absolute/child": "",
        "absolute/child/own": "own",
    }.items():
        await pair.post("torrents/createCategory", category=name, savePath=path)
    await pair.post("torrents/setAutoManagement", hashes=quiet, enable="true")
    for name in ("bare", "absolute", "relative", "absolute/child", "absolute/child/own", ""):
        await pair.post("torrents/setCategory", hashes=quiet, category=name)
        await pair.get("torrents/info")
    await pair.post("torrents/setAutoManagement", hashes=quiet, enable="false")
    await pair.post("torrents/setCategory", hashes=quiet, category="absolute")
    await pair.get("torrents/info")
    await pair.post("torrents/setAutoManagement", hashes=quiet, enable="true")
    await pair.get("torrents/info")
    await pair.post("torrents/removeCategories", categories="absolute")
    await _same_library(pair)


async def test_folders_are_named_alike_after_categories(pair: Pair, stock: Stock) -> None:
    quiet = stock.stopped[0]
    await pair.post("torrents/setAutoManagement", hashes=quiet, enable="true")
    for name in (" c ", 'a"b', "a:?*<c>|", ".x", "x.", "..", "a/ b ", "\t", "a\nb", "é", "a/../b"):
        await pair.post("torrents/createCategory", category=name)
        await pair.post("torrents/setCategory", hashes=quiet, category=name)
        await pair.get("torrents/info", hashes=quiet)


async def test_an_edited_category_leaves_its_torrents_alike(
    pair: Pair, stock: Stock, tmp_path: Path
) -> None:
    quiet = stock.stopped[0]
    await pair.post("torrents/createCategory", category="tv")
    await pair.post("torrents/setCategory", hashes=quiet, category="tv")
    await pair.post("torrents/setAutoManagement", hashes=quiet, enable="true")
    await pair.get("torrents/info")
    for path in (f"{tmp_path}/one", f"{tmp_path}/one", f"{tmp_path}/two"):
        await pair.post("torrents/editCategory", category="tv", savePath=path)
        await _same_library(pair)
        await pair.post("torrents/setAutoManagement", hashes=quiet, enable="true")
        await _same_library(pair)


async def test_torrents_stop_and_start_alike(pair: Pair, stock: Stock) -> None:
    first, second = stock.stopped[:2]
    for action in ("start", "resume", "stop", "pause", "start", "resume"):
        await pair.post(f"torrents/{action}", hashes=f"{first}|{NOBODY}")
        await pair.get("torrents/info", hashes=f"{first}|{second}")
    for action in ("stop", "pause"):
        await pair.post(f"torrents/{action}", hashes=first)
    await pair.get("torrents/info", hashes=first)


LIMITS = (
    ("1.2345", "5", "6", "Stop", "MatchAny"),
    ("0", "0", "0", "Remove", "MatchAll"),
    ("-1", "-1", "-1", "RemoveWithContent", "Default"),
    ("-3", "-4", "-5", "EnableSuperSeeding", "matchany"),
    ("-0.5", "5.5", "x", "stop", "Bogus"),
    ("99999", "600000", "600000", "Bogus", ""),
    ("1e1", "", "-2", "", "MatchAny"),
    ("-2", "-2", "-2", "Default", "Default"),
)


async def test_share_limits_are_kept_alike(pair: Pair, stock: Stock) -> None:
    first, second = stock.stopped[:2]
    for ratio, seeding, inactive, action, mode in LIMITS:
        form = {
            "ratioLimit": ratio,
            "seedingTimeLimit": seeding,
            "inactiveSeedingTimeLimit": inactive,
            "shareLimitAction": action,
            "shareLimitsMode": mode,
        }
        await pair.post("torrents/setShareLimits", hashes=f"{first}|{NOBODY}|{second}", **form)
        await pair.get("torrents/info", hashes=f"{first}|{second}")
        for number in range(6):
            part = dict(list({"hashes": first, **form}.items())[:number])
            if number < len(pair.simulator.profile.limit_parameters) + 1:
                await pair.post("torrents/setShareLimits", **part)


async def test_upload_limits_are_kept_alike(pair: Pair, stock: Stock) -> None:
    for limit in ("100", "5", "-1", "x", "2000000000", "3000000000", "0"):
        await pair.post("torrents/setUploadLimit", hashes=stock.stopped[0], limit=limit)
        await pair.get("torrents/info", hashes=stock.stopped[0])
        await pair.get("torrents/properties", hashes=stock.stopped[0])


PREFERENCES: tuple[Mapping[str, object], ...] = (
    {"max_ratio": 2.5, "max_ratio_enabled": True},
    {"max_ratio": 3.5},
    {"max_ratio_enabled": False},
    {"max_ratio": 4},
    {"max_ratio": 4, "max_ratio_enabled": False},
    {"max_ratio_enabled": True},
    {"max_ratio": "3", "max_ratio_enabled": "true"},
    {"max_ratio": -5, "max_ratio_enabled": True},
    {"max_seeding_time": 60, "max_seeding_time_enabled": True},
    {"max_inactive_seeding_time": 61, "max_inactive_seeding_time_enabled": True},
    {"max_seeding_time": 1.7, "max_seeding_time_enabled": True},
    {"max_seeding_time": 0, "max_seeding_time_enabled": True},
    {"max_seeding_time_enabled": False, "max_inactive_seeding_time_enabled": False},
    {"max_seeding_time_enabled": True},
    {"max_seeding_time": 9_999_999, "max_seeding_time_enabled": True},
    *({"max_ratio_act": act} for act in (1, 2, 3, 4, -1, 9, "Remove")),
    {"share_limits_mode": "MatchAll"},
    {"share_limits_mode": "matchall"},
    {
        "max_ratio_act": 0,
        "max_ratio_enabled": False,
        "max_seeding_time_enabled": False,
        "max_inactive_seeding_time_enabled": False,
        "share_limits_mode": "MatchAny",
    },
)


async def test_the_servers_own_limits_are_kept_alike(pair: Pair, stock: Stock) -> None:
    for wanted in PREFERENCES:
        await pair.post("app/setPreferences", json=json.dumps(wanted))
        await pair.get("app/preferences")
        await pair.get("torrents/info", hashes=stock.stopped[0])
    for text in ("nonsense", "[]", "", "1"):
        await pair.post("app/setPreferences", json=text)
        await pair.get("app/preferences")


async def test_a_deleted_torrent_is_gone_alike(pair: Pair, stock: Stock) -> None:
    extra = torrents.single("extra.mkv")
    identity = library.add(stock.server, extra)[0]
    pair.simulator.library = mirrored(stock.server).library
    await pair.post("torrents/delete", hashes=identity)
    await pair.post("torrents/delete", hashes=NOBODY, deleteFiles="true")
    await pair.get("torrents/info")
    await pair.post("torrents/delete", hashes=f"{identity}|{identity}", deleteFiles="true")
    await pair.get("torrents/info")


async def test_foreign_sites_are_refused_alike(pair: Pair) -> None:
    own, away = pair.real.url, pair.simulated.url
    ports = (own.rpartition(":")[2], away.rpartition(":")[2])
    for headers in (
        {"Referer": "http://evil.example/"},
        {"Origin": "http://evil.example"},
        {"Origin": "https://HOST:PORT", "Referer": "http://evil.example"},
        {"Referer": "http://HOST:PORT/page"},
        {"Referer": "http://HOST/page"},
        {"Referer": "nonsense"},
        {"Host": "evil.example"},
        {"Host": "evil.example:PORT"},
        {"Host": "evil.example:1"},
        {"Host": "evil.example", "Referer": "http://evil.example/"},
        {
            "Host": "HOST:PORT",
            "X-Forwarded-Host": "proxy.example",
            "Origin": "http://proxy.example",
        },
    ):
        told = [
            await caller.ask("GET", "app/version", headers=_filled(headers, port))
            for caller, port in zip((pair.real, pair.simulated), ports, strict=True)
        ]
        assert (told[1].status, told[1].kind, told[1].text) == (
            told[0].status,
            told[0].kind,
            told[0].text,
        ), headers


def _filled(headers: dict[str, str], port: str) -> dict[str, str]:
    return {
        name: value.replace("HOST", "127.0.0.1").replace("PORT", port)
        for name, value in headers.items()
    }
