"""The Web API from outside: both doors as processes, real servers, curl and Python's requests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import requests

from qbm.engine.counting import STATS
from tests.lab import library, torrents
from tests.lab.ports import free_port, refusing_port
from tests.lab.proxy import Answer, Pause, ProxyOf, path_is
from tests.lab.servers import Server, StartServer, StartServers, differences, state_of
from tests.lab.suites import Suite
from tests.lab.torrents import Kind
from tests.program import Door, Ended, Served, environment, write_config

PASSWORD = "Tr0ub4dor-&-3-ünsafe"
PASSKEY = "fedcba9876543210fedcba9876543210"
_URL = f"https://tracker.example.org/announce/{PASSKEY}"
_NAMES = ("Ubuntu 24.04.iso", "Debian 13.iso", "a film.mkv")
_BOTH = ["cat_update", "tag_update"]
_QUEUED = "Scheduled run in progress. Request queued."
_DONE = "Commands executed successfully for all configs"


@dataclass(frozen=True, slots=True)
class Told:
    """What a client got back."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def detail(self) -> str:
        """The text of an error, whose shape is the one that all errors have."""
        assert isinstance(self.json["detail"], str)
        assert set(self.json) <= {"detail", "results"}
        return str(self.json["detail"])


Post: TypeAlias = Callable[[str, str], Told]
Serve: TypeAlias = Callable[..., Served]


def by_curl(url: str, body: str, *flags: str) -> Told:
    """Post a body as the examples of shell scripts do."""
    done = subprocess.run(
        [
            *(
                "curl",
                "--silent",
                "--show-error",
                "--noproxy",
                "*",
                "--write-out",
                "\n%{http_code}",
            ),
            *("--request", "POST", "--header", "Content-Type: application/json"),
            *("--data-binary", "@-", *flags, url),
        ],
        input=body.encode("utf-8", "surrogateescape"),
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    text, _, status = done.stdout.decode().rpartition("\n")
    return _clean(Told(int(status), text))


def by_requests(url: str, body: str) -> Told:
    """Post a body as people's Python scripts do."""
    answer = requests.post(url, json=json.loads(body), timeout=120)
    return _clean(Told(answer.status_code, answer.text))


def _clean(told: Told) -> Told:
    _assert_clean(told.text)
    return told


def _assert_clean(text: str) -> None:
    for never in (PASSWORD, PASSKEY, "Traceback", 'File "'):
        assert never not in text


def run(served: Served, *commands: str, **fields: Any) -> Told:
    """Ask for a run, and wait for the answer."""
    return by_requests(served.run_command, json.dumps({"commands": list(commands), **fields}))


def get(served: Served, path: str) -> Any:
    answer = requests.get(f"{served.url}{path}", timeout=30)
    answer.raise_for_status()
    return answer.json()


@pytest.fixture(params=[by_curl, by_requests], ids=["curl", "requests"])
def post(request: pytest.FixtureRequest) -> Post:
    """A client."""
    post: Post = request.param
    return post


@pytest.fixture(params=list(Door), ids=["qbm", "classic"])
def door(request: pytest.FixtureRequest) -> Door:
    """A door."""
    return Door(request.param)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts the program as a server; it ends with the test, and has told no secret."""
    with ExitStack() as ends:
        started: list[Served] = []

        def start(folder: Path, *flags: str, **facts: Any) -> Served:
            served = Served(folder, flags, **facts)
            started.append(served)
            return ends.enter_context(served)

        yield start
        for each in started:
            _assert_clean(each.log)
            _assert_clean(each.errors)


@pytest.fixture(params=list(Suite), ids=str)
def filled(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """A server of every generation that asks for a password, with three torrents."""
    server = start_server(request.param, login=True, password=PASSWORD)
    _fill(server)
    return server


@pytest.fixture
def filled_trixie(start_server: StartServer) -> Server:
    """The same of trixie alone."""
    server = start_server(login=True, password=PASSWORD)
    _fill(server)
    return server


def _fill(server: Server) -> None:
    for name, place in zip(_NAMES, ("iso", "iso", "elsewhere"), strict=True):
        library.add(server, torrents.single(name, _URL), save_path=server.save_path / place)


def _sections(server: Server, url: str = "", **more: Any) -> dict[str, Any]:
    return {
        "qbt": {"host": url or server.url, "user": "admin", "pass": PASSWORD},
        "cat": {"linux": f"{server.save_path}/iso/*"},
        "tracker": {"other": {"tag": "misc"}},
        **more,
    }


def _shown(server: Server) -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["category"], row["tags"]) for row in server.api.torrents()}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _stats(executed: Sequence[str], **counters: int) -> dict[str, Any]:
    return {"executed_commands": list(executed), **dict.fromkeys(STATS, 0), **counters}


# The examples, on every generation


def test_a_run_is_answered_to_the_byte_and_has_changed_the_server(
    filled: Server, serve: Serve, tmp_path: Path, post: Post
) -> None:
    write_config(tmp_path, _sections(filled))
    served = serve(tmp_path)
    told = post(served.run_command, '{"commands": ["tag_update", "cat_update"]}')
    assert told.status == 200
    run_id = told.json["results"][0]["run_id"]
    assert told.text == _compact(
        {
            "status": "success",
            "message": _DONE,
            "results": [
                {
                    "config_file": "config.yml",
                    "stats": _stats(_BOTH, tagged=3, categorized=2),
                    "run_id": run_id,
                    "dry_run": False,
                    "errors": [],
                    "refused": [],
                    "warnings": [],
                    "error": None,
                }
            ],
        }
    )
    assert _shown(filled) == {
        "Ubuntu 24.04.iso": ("linux", "misc"),
        "Debian 13.iso": ("linux", "misc"),
        "a film.mkv": ("", "misc"),
    }
    again = post(served.run_command, '{"commands": ["tag_update", "cat_update"]}')
    assert again.json["results"][0]["stats"] == _stats(_BOTH)


def test_a_dry_run_counts_only_and_the_scripts_example_changes_one_torrent(
    filled: Server, serve: Serve, tmp_path: Path, post: Post
) -> None:
    write_config(tmp_path, _sections(filled))
    served = serve(tmp_path)
    before = state_of(filled)
    every_field = {
        "config_file": "config.yml",
        "commands": _BOTH,
        "hashes": [],
        "dry_run": True,
        "skip_cleanup": True,
        "skip_qb_version_check": True,
        "log_level": "debug",
    }
    told = post(served.run_command, json.dumps(every_field))
    [result] = told.json["results"]
    assert (result["dry_run"], result["stats"]) == (True, _stats(_BOTH, tagged=3, categorized=2))
    assert not differences(before, state_of(filled))
    assert "left alone" in served.log  # as it is at debug
    [wanted] = [row["hash"] for row in filled.api.torrents() if row["name"] == "Debian 13.iso"]
    of_one = {"commands": ["tag_update", "share_limits"], "hashes": [wanted.upper()]}
    told = post(served.run_command, json.dumps(of_one))
    assert (told.status, told.json["status"]) == (200, "success")
    assert told.json["results"][0]["stats"]["tagged"] == 1
    assert {name for name, (_, tags) in _shown(filled).items() if tags} == {"Debian 13.iso"}


def test_a_request_beside_a_run_is_queued_to_the_byte_at_once_and_runs_in_its_turn(
    filled: Server, serve: Serve, proxy_of: ProxyOf, tmp_path: Path, post: Post
) -> None:
    proxy = proxy_of(filled)
    pause = Pause()
    proxy.inject(pause, path_is("torrents/addTags"))
    write_config(tmp_path, _sections(filled, proxy.url))
    served = serve(tmp_path)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run, served, "tag_update")
        pause.wait()
        queued = post(served.run_command, '{"commands": ["cat_update", "tag_update"]}')
        assert not first.done()
        assert _shown(filled)["Debian 13.iso"] == ("", "")
        pause.go_on()
        assert first.result().json["status"] == "success"
    assert queued.status == 200
    run_id = queued.json["run_id"]
    assert queued.text == _compact(
        {
            "status": "queued",
            "message": _QUEUED,
            "config_file": "config.yml",
            "commands": _BOTH,
            "run_id": run_id,
        }
    )
    ended = library.wait_for(
        partial(get, served, f"/api/runs/{run_id}"), lambda found: found["state"] == "done"
    )
    assert ended["stats"] == _stats(_BOTH, categorized=2)
    assert _shown(filled)["Debian 13.iso"] == ("linux", "misc")
    [latest, earliest] = get(served, "/api/runs")["runs"]
    assert (latest["id"], latest["started_at"] >= earliest["ended_at"]) == (run_id, True)


@pytest.mark.parametrize("named", ["infohash_v1", "infohash_v2", "hash"])
def test_a_hybrid_torrent_is_found_by_each_of_its_hashes(
    trixie_server: Server, serve: Serve, tmp_path: Path, named: str
) -> None:
    library.add(trixie_server, torrents.single("plain.iso", _URL))
    hybrid = torrents.single("hybrid.iso", _URL, kind=Kind.HYBRID)
    library.add(trixie_server, hybrid)
    write_config(tmp_path, _sections(trixie_server))
    run(serve(tmp_path), "tag_update", hashes=[getattr(hybrid, named)])
    assert _shown(trixie_server) == {"hybrid.iso": ("", "misc"), "plain.iso": ("", "")}


def test_a_hash_that_is_none_means_no_torrent_and_never_all(
    filled_trixie: Server, serve: Serve, tmp_path: Path
) -> None:
    write_config(tmp_path, _sections(filled_trixie))
    told = run(serve(tmp_path), "tag_update", hashes=["-", "all"])
    assert told.status == 200
    [result] = told.json["results"]
    assert result["stats"] == _stats(["tag_update"])
    assert len(result["warnings"]) == 2
    assert {tags for _, tags in _shown(filled_trixie).values()} == {""}


def test_both_doors_serve_the_same_on_the_port_of_flag_or_variable(
    filled_trixie: Server, serve: Serve, tmp_path: Path, door: Door
) -> None:
    write_config(tmp_path, _sections(filled_trixie))
    served = serve(tmp_path, door=door)
    assert run(served, *_BOTH).json["message"] == _DONE
    assert served.end() == 0


def test_a_process_pinned_dry_runs_dry_whatever_is_asked(
    filled_trixie: Server, serve: Serve, tmp_path: Path, door: Door
) -> None:
    write_config(tmp_path, _sections(filled_trixie))
    before = state_of(filled_trixie)
    told = run(serve(tmp_path, door=door, variables={"QBT_DRY_RUN": "true"}), *_BOTH, dry_run=False)
    assert told.json["results"][0]["dry_run"] is True
    assert not differences(before, state_of(filled_trixie))


# Several configs


def test_a_pattern_means_several_servers_one_result_each_in_the_order_of_names(
    start_servers: StartServers, serve: Serve, tmp_path: Path, post: Post
) -> None:
    servers = start_servers([Suite.BOOKWORM, Suite.BACKPORTS], login=True, password=PASSWORD)
    for name, server in zip(("old box.yml", "new box.yml"), servers, strict=True):
        _fill(server)
        write_config(tmp_path, _sections(server), name)
    served = serve(tmp_path)
    told = post(served.run_command, '{"commands": ["tag_update"], "config_file": "*box.yml"}')
    assert (told.status, told.json["message"]) == (200, _DONE)
    results = told.json["results"]
    assert [each["config_file"] for each in results] == ["new box.yml", "old box.yml"]
    assert [each["stats"] for each in results] == [_stats(["tag_update"], tagged=3)] * 2
    for server in servers:
        assert {tags for _, tags in _shown(server).values()} == {"misc"}


def test_a_pattern_is_queued_as_a_whole_if_one_of_its_servers_is_busy(
    start_servers: StartServers, serve: Serve, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    busy, idle = start_servers([Suite.TRIXIE, Suite.TRIXIE], login=True, password=PASSWORD)
    proxy, pause = proxy_of(busy), Pause()
    proxy.inject(pause, path_is("torrents/addTags"))
    for name, server, url in (("busy.yml", busy, proxy.url), ("idle.yml", idle, "")):
        _fill(server)
        write_config(tmp_path, _sections(server, url), name)
    served = serve(tmp_path)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run, served, "tag_update", config_file="busy.yml")
        pause.wait()
        queued = run(served, "cat_update", config_file="*.yml").json
        assert (queued["status"], queued["config_file"]) == ("queued", "*.yml")
        pause.go_on()
        assert first.result().json["status"] == "success"
    for server in (busy, idle):
        library.wait_for(partial(_shown, server), lambda rows: rows["Debian 13.iso"][0] == "linux")


def test_one_config_that_fails_makes_500_with_what_came_of_the_others(
    filled_trixie: Server, serve: Serve, tmp_path: Path
) -> None:
    nobody = f"http://127.0.0.1:{refusing_port()}"
    write_config(tmp_path, _sections(filled_trixie), "a.yml")
    write_config(tmp_path, _sections(filled_trixie, nobody), "b.yml")
    told = run(serve(tmp_path), "tag_update", config_file="*.yml")
    assert told.status == 500
    assert told.detail.startswith(f"b.yml: Nothing answers at {nobody}")
    assert [each["stats"]["tagged"] for each in told.json["results"]] == [3, 0]
    assert {tags for _, tags in _shown(filled_trixie).values()} == {"misc"}


# What goes wrong at qBittorrent's side: 500, with what to do


def test_an_unreachable_server_is_500_with_its_address(serve: Serve, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{refusing_port()}"
    qbt = {"host": nobody, "user": "admin", "pass": PASSWORD}
    write_config(tmp_path, {"qbt": qbt, "tracker": {"other": {"tag": "misc"}}})
    told = run(serve(tmp_path), "tag_update")
    assert told.status == 500
    assert told.detail.startswith(f"Nothing answers at {nobody}: the connection was refused.")


def test_a_refused_login_is_500_and_does_not_show_the_password(
    filled: Server, serve: Serve, tmp_path: Path
) -> None:
    wrong = {"host": filled.url, "user": "admin", "pass": f"{PASSWORD}-not"}
    write_config(tmp_path, _sections(filled, qbt=wrong))
    told = run(serve(tmp_path), "tag_update")
    assert told.status == 500
    assert filled.url in told.detail
    assert "password" in told.detail


def test_a_server_that_answers_500_is_500_with_its_address(
    filled: Server, serve: Serve, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    proxy = proxy_of(filled)
    proxy.inject(Answer(500, b"out of cheese"), path_is("torrents/info"), times=100)
    write_config(tmp_path, _sections(filled, proxy.url))
    told = run(serve(tmp_path), "tag_update")
    assert told.status == 500
    assert proxy.url in told.detail
    assert "500" in told.detail


def test_a_run_queued_behind_one_that_fails_is_carried_out(
    filled_trixie: Server, serve: Serve, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    proxy, pause = proxy_of(filled_trixie), Pause()
    proxy.inject(pause, path_is("app/webapiVersion"))
    proxy.inject(Answer(404), path_is("torrents/info"))
    write_config(tmp_path, _sections(filled_trixie, proxy.url))
    served = serve(tmp_path)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run, served, "tag_update")
        pause.wait()
        assert run(served, "tag_update", "cat_update").json["status"] == "queued"
        pause.go_on()
        assert first.result().status == 500
    library.wait_for(
        partial(_shown, filled_trixie), lambda rows: all(tags for _, tags in rows.values())
    )


# The end of a server


def test_who_waits_at_the_end_gets_503_and_the_run_goes_on_at_the_next_start(
    filled_trixie: Server, serve: Serve, proxy_of: ProxyOf, tmp_path: Path, door: Door
) -> None:
    proxy, pause = proxy_of(filled_trixie), Pause()
    proxy.inject(pause, path_is("torrents/setCategory"))
    write_config(tmp_path, _sections(filled_trixie, proxy.url))
    served = serve(tmp_path, door=door)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run, served, *_BOTH)
        pause.wait()
        queued = run(served, "tag_update")
        assert queued.json["status"] == "queued"
        os.kill(served.pid, signal.SIGTERM)
        told = first.result()
        pause.go_on()
        status = served.wait()
    assert (told.status, status) == (503, 0)
    assert "shutting down" in told.detail
    assert _shown(filled_trixie)["a film.mkv"] == ("", "")
    served.start()
    library.wait_for(
        lambda: get(served, "/api/runs")["runs"],
        lambda runs: [each["state"] for each in runs] == ["done", "done"],
    )
    assert _shown(filled_trixie)["a film.mkv"] == ("", "misc")
    assert _shown(filled_trixie)["Debian 13.iso"] == ("linux", "misc")


def test_what_was_accepted_survives_a_kill(
    filled_trixie: Server, serve: Serve, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    proxy, pause = proxy_of(filled_trixie), Pause()
    proxy.inject(pause, path_is("torrents/addTags"))
    write_config(tmp_path, _sections(filled_trixie, proxy.url))
    served = serve(tmp_path)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(requests.post, served.run_command, json={"commands": ["tag_update"]})
        pause.wait()
        assert run(served, "cat_update").json["status"] == "queued"
        os.kill(served.pid, signal.SIGKILL)
        assert isinstance(first.exception(), requests.ConnectionError)
        pause.go_on()
    served.end()
    served.start()
    ended = library.wait_for(
        lambda: get(served, "/api/runs")["runs"],
        lambda runs: [each["state"] for each in runs] == ["done", "done"],
    )
    assert [each["commands"] for each in ended] == [["cat_update"], ["tag_update"]]
    assert _shown(filled_trixie)["Debian 13.iso"] == ("linux", "misc")


# What goes wrong at the caller's side, on a server that nobody asks about qBittorrent


_BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghijklm", "bcdefghijklmn", strict=True)
)
_FILES = {
    "empty.yml": "",
    "bomb.yml": _BOMB,
    "no-server.yml": "cat:\n  films: /data\n",
    "unclosed.yml": f"qbt:\n  host: http://127.0.0.1:1\n  pass: {PASSWORD}\ncat: [\n",
    "misspelt.yml": f"qbt:\n  host: http://127.0.0.1:1\n  pass: {{a: {PASSWORD}}}\n",
}


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose folder holds configs of every wrong kind, and none of a real qBittorrent."""
    folder = tmp_path_factory.mktemp("idle") / "config"
    nobody = {"host": f"http://127.0.0.1:{refusing_port()}", "user": "admin", "pass": PASSWORD}
    write_config(folder, {"qbt": nobody})
    outside = write_config(folder.parent, {"qbt": nobody}, "outside.yml")
    (folder / "link.yml").symlink_to(outside)
    (folder / "folder.yml").mkdir()
    for name, text in _FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    with Served(folder) as served:
        yield served
        _assert_clean(served.log)
        _assert_clean(served.errors)


_TAG = '"commands": ["tag_update"]'
_DEEP = 100_000


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ('{"commands": ["nonsense"]}', "Invalid command: nonsense"),
        ('{"commands": ["tag_update", "Tag_Update"]}', "Invalid command: Tag_Update"),
        ('{"commands": ["a\\u0000b"]}', "Invalid command: a\\x00b"),
        ('{"commands": []}', "No commands given"),
        ("{}", "No commands given"),
        ('{"commands": "tag_update"}', "commands: it must be a list, […]."),
        ('{"commands": null}', "commands: it must be a list, […]."),
        ('{"commands": [1]}', "commands.0: it must be a text."),
        (f'{{{_TAG}, "hashes": "a"}}', "hashes: it must be a list, […]."),
        (f'{{{_TAG}, "hashes": [null]}}', "hashes.0: it must be a text."),
        (f'{{{_TAG}, "config_file": 5}}', "config_file: it must be a text."),
        (f'{{{_TAG}, "config_file": "\\ud800"}}', "config_file: it holds what is no character"),
        (f'{{{_TAG}, "dry_run": "maybe"}}', "dry_run: it must be true or false."),
        (f'{{{_TAG}, "dryRun": true}}', "The body: dryRun is unknown, but there is dry_run"),
        (f'{{{_TAG}, "log_level": "loud"}}', "log_level: loud is none. There are: TRACE, DEBUG"),
        (f'{{{_TAG}, "log_level": 5}}', "log_level: it must be a text."),
        ("", "The body: it is missing."),
        ("[]", "The body: it must be a JSON object, {…}."),
        ("{", "The body is no JSON ("),
        ("commands=tag_update", "The body is no JSON ("),
        ('{"commands": ["\udcff"]}', "The body cannot be read: it is not UTF-8."),
        ("[" * _DEEP, "The body cannot be read: it is nested too deeply."),
    ],
)
def test_what_is_malformed_is_400_and_says_what(idle: Served, body: str, detail: str) -> None:
    told = by_curl(idle.run_command, body)
    assert told.status == 400
    assert told.detail.startswith(detail)


def test_a_body_of_five_megabytes_is_refused_without_reading_it(idle: Served) -> None:
    told = by_curl(idle.run_command, json.dumps({"commands": ["x" * 5_000_000]}))
    assert told.status == 413
    assert told.detail == "The body is too large: at most 1,000,000 bytes are taken."


@pytest.mark.parametrize(
    "name",
    [
        "no.yml",
        "nö 紅樓夢 🎬.yml",
        "../outside.yml",
        "../config/config.yml",
        "./config.yml",
        "..",
        "/etc/passwd",
        "a\\b.yml",
        "link.yml",
        "folder.yml",
        "folder.yml/x.yml",
        "config.yml\0",
        "config.yml\n",
        "CON",
        "qbm_settings.yml",
        "server.json",
        "none*.yml",
        "../*.yml",
        "x" * 5000,
    ],
    ids=lambda name: ascii(name)[:40],
)
def test_what_is_not_plainly_a_config_of_the_folder_is_404_and_named(
    idle: Served, name: str
) -> None:
    told = by_curl(idle.run_command, json.dumps({"commands": ["tag_update"], "config_file": name}))
    assert told.status == 404
    shown = name.replace("\0", "\\x00").replace("\n", "\\n")
    assert shown[:40] in told.detail
    assert len(told.detail) < 400


def test_a_folder_without_the_config_is_served_and_told_until_there_is_one(
    serve: Serve, tmp_path: Path
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    served = serve(folder)
    told = by_curl(served.run_command, '{"commands": ["tag_update"]}')
    assert (told.status, told.detail) == (404, f"There is no config config.yml in {folder}.")
    nobody = f"http://127.0.0.1:{refusing_port()}"
    write_config(folder, {"qbt": {"host": nobody}, "tracker": {"other": {"tag": "misc"}}})
    assert nobody in run(served, "tag_update").detail


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("empty.yml", "empty.yml:1:1: the file is empty"),
        ("bomb.yml", "bomb.yml:"),
        ("no-server.yml", "no-server.yml:"),
        ("unclosed.yml", "unclosed.yml:5:1: "),
        ("misspelt.yml", "misspelt.yml:3:9: "),
    ],
)
def test_a_wrong_config_is_500_with_its_line_and_without_its_secrets(
    idle: Served, name: str, place: str
) -> None:
    told = run(idle, "tag_update", config_file=name)
    assert told.status == 500
    assert place in told.detail
    assert len(told.detail) < 1000


def test_the_wrong_configs_of_a_pattern_are_all_told(idle: Served) -> None:
    told = run(idle, "tag_update", config_file="*.yml")
    assert told.status == 500
    for name in _FILES:
        assert f"/{name}:" in told.detail


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Host: evil.example", "QBM_ALLOWED_HOSTS"),
        ("X-Forwarded-For: 203.0.113.8", "trusted_proxies"),
        ("Origin: http://evil.example", ""),
    ],
)
def test_who_comes_by_another_name_a_proxy_or_another_site_is_403(
    idle: Served, header: str, words: str
) -> None:
    told = by_curl(idle.run_command, f"{{{_TAG}}}", "--header", header)
    assert told.status == 403
    assert words in told.detail


def test_what_is_only_the_client_s_fault_is_no_matter_of_standard_error(
    serve: Serve, tmp_path: Path
) -> None:
    write_config(tmp_path, {"qbt": {"host": "http://127.0.0.1:1"}})
    served = serve(tmp_path)
    head = b"POST /api/run-command HTTP/1.1\r\nHost: localhost\r\n"
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n"
    with ExitStack() as connections:
        for raw in (
            b"no http at all\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n" + upgrade,
            head + b"Content-Length: 100\r\n\r\n{",
        ):
            connection = socket.create_connection(("127.0.0.1", served.port), timeout=10)
            connections.enter_context(connection).sendall(raw)
            if b"Content-Length" not in raw:
                assert connection.recv(1)
        get(served, "/api/health")
        assert served.end() == 0
    for never in ("uvicorn", "Invalid HTTP", "WebSocket", "graceful", "ASGI", "Cancelled"):
        assert never not in served.errors


# Where it listens


@pytest.mark.parametrize("way", ["flag", "variable"])
def test_a_base_url_is_served_and_the_root_as_well(
    serve: Serve, tmp_path: Path, door: Door, way: str
) -> None:
    write_config(tmp_path, {"qbt": {"host": "http://127.0.0.1:1"}})
    if way == "flag":
        served = serve(tmp_path, door=door, base_url="/qbm")
    else:
        served = serve(tmp_path, door=door, variables={"QBT_BASE_URL": "qbm/"})
    for base in ("/qbm", ""):
        url = f"http://127.0.0.1:{served.port}{base}/api/run-command"
        assert by_curl(url, '{"commands": ["x"]}').detail == "Invalid command: x"
    url = f"http://127.0.0.1:{served.port}/other/api/run-command"
    assert by_curl(url, '{"commands": ["x"]}').status == 404


def _refused(door: Door, folder: Path, *flags: str, **variables: str) -> Ended:
    """A server that should not come up."""
    write_config(folder, {"qbt": {"host": "http://127.0.0.1:1"}})
    done = subprocess.run(
        [*door.words, "--config-dir", str(folder), *flags],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    _assert_clean(done.stdout + done.stderr)
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_port_that_is_taken_is_told_with_exit_code_2(tmp_path: Path, door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        by_flag = _refused(door, tmp_path, "--host", "127.0.0.1", "--port", port)
        by_variable = _refused(door, tmp_path, QBT_HOST="127.0.0.1", QBT_PORT=port)
    for ended in (by_flag, by_variable):
        assert ended.status == 2
        assert f"127.0.0.1 port {port}" in ended.errors
        assert "--port (QBT_PORT)" in ended.errors


def test_an_address_that_is_qbittorrents_is_told_with_exit_code_2(
    tmp_path: Path, door: Door
) -> None:
    by_flag = _refused(door, tmp_path, "--host", "192.0.2.1")
    by_variable = _refused(door, tmp_path, QBT_HOST="no-such-host.invalid")
    for ended in (by_flag, by_variable):
        assert ended.status == 2
        assert "address of this web server on this machine, never qBittorrent's" in ended.errors


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_told_with_exit_code_2(
    tmp_path: Path, door: Door, port: str
) -> None:
    ended = _refused(door, tmp_path, QBT_PORT=port)
    assert ended.status == 2
    assert "QBT_PORT" in ended.errors


def test_a_second_server_on_the_folder_is_refused_and_the_first_goes_on(
    serve: Serve, tmp_path: Path, door: Door
) -> None:
    write_config(tmp_path, {"qbt": {"host": "http://127.0.0.1:1"}})
    first = serve(tmp_path)
    ended = _refused(door, tmp_path, "--host", "127.0.0.1", "--port", str(first.port))
    assert ended.status == 1
    assert f"{tmp_path} is served already" in ended.errors
    assert str(first.pid) in ended.errors
    assert run(first, "x").status == 400


def test_the_flag_wins_over_the_variable(serve: Serve, tmp_path: Path, door: Door) -> None:
    write_config(tmp_path, {"qbt": {"host": "http://127.0.0.1:1"}})
    wrong = {"QBT_HOST": "192.0.2.1", "QBT_PORT": str(free_port()), "QBT_BASE_URL": "/wrong"}
    served = serve(tmp_path, door=door, base_url="/right", variables=wrong)
    assert run(served, "x").status == 400
    assert requests.post(served.run_command.replace("right", "wrong"), timeout=9).status_code == 404
