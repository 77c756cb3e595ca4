"""The two doors as people use them: processes of their own, on real servers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from qbm.model.reason import Code, because
from tests.lab import library, torrents
from tests.lab.ports import free_port
from tests.lab.proxy import Answer, Pause, ProxyOf, is_write, path_is
from tests.lab.servers import Server, StartServer, differences, state_of
from tests.lab.suites import Suite
from tests.program import ROOT, Ended, classic, classic_command, environment, qbm, write_config

_PASSKEY = "0123456789abcdef0123456789abcdef"
_URL = f"https://tracker.example.org/announce/{_PASSKEY}"
_COMMANDS = ("--cat-update", "--tag-update")
_NAMES = ("Ubuntu 24.04.iso", "Debian 13.iso", "a film.mkv")


@pytest.fixture
def filled(trixie_server: Server) -> Server:
    """Two torrents whose save path has an entry in ``_sections``, and one that has none."""
    _fill(trixie_server)
    return trixie_server


def _fill(server: Server) -> None:
    for name, place in zip(_NAMES, ("iso", "iso", "elsewhere"), strict=True):
        library.add(server, torrents.single(name, _URL), save_path=server.save_path / place)


def _sections(server: Server, url: str = "", **more: Any) -> dict[str, Any]:
    return {
        "qbt": {"host": url or server.url, **more.pop("qbt", {})},
        "cat": {"linux": f"{server.save_path}/iso/*"},
        "tracker": {"other": {"tag": "misc"}},
        **more,
    }


def _log(folder: Path) -> str:
    return (folder / "logs/qbit_manage.log").read_text(encoding="utf-8")


@contextmanager
def _started(command: list[str], **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended with the block, if it has not by itself."""
    process = subprocess.Popen(
        command,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _end(process: subprocess.Popen[str]) -> Ended:
    output, errors = process.communicate(timeout=60)
    return Ended(process.returncode, output, errors)


# What a run says and leaves


def test_a_run_changes_the_server_and_says_per_torrent_what_and_why(
    filled: Server, tmp_path: Path
) -> None:
    write_config(tmp_path, _sections(filled))
    ended = classic(tmp_path, *_COMMANDS)
    assert (ended.status, ended.output) == (0, "")
    rows = {row["name"]: row for row in filled.api.torrents()}
    assert {name: (row["category"], row["tags"]) for name, row in rows.items()} == {
        "Ubuntu 24.04.iso": ("linux", "misc"),
        "Debian 13.iso": ("linux", "misc"),
        "a film.mkv": ("", "misc"),
    }
    ubuntu = f"Ubuntu 24.04.iso [{rows['Ubuntu 24.04.iso']['hash'][:8]}]"
    path = f"{filled.save_path}/iso"
    by_path = because(Code.CATEGORY_FROM_PATTERN, save_path=path, entry=f"{path}/*")
    by_tracker = because(Code.TAG_FROM_OTHER, host="tracker.example.org")
    for line in (
        f"cat_update, tag_update on {filled.url} ({tmp_path}/config.yml)",
        f"cat_update  {ubuntu}  category (none) → linux: {by_path}",
        f"tag_update  {ubuntu}  add tag misc: {by_tracker}",
        "Done: 2 categories set, 3 tags added. 3 torrents,",
    ):
        assert line in ended.errors
        assert line in _log(tmp_path)
    assert "left alone" not in _log(tmp_path)


def test_a_second_run_says_that_there_is_nothing_to_change(filled: Server, tmp_path: Path) -> None:
    write_config(tmp_path, _sections(filled))
    classic(tmp_path, *_COMMANDS)
    ended = classic(tmp_path, *_COMMANDS)
    assert ended.status == 0
    assert "Nothing to change. 3 torrents" in ended.errors


def test_at_debug_the_log_says_why_a_torrent_was_left_alone(filled: Server, tmp_path: Path) -> None:
    write_config(tmp_path, _sections(filled))
    ended = classic(tmp_path, "--cat-update", "--debug")
    [line] = [line for line in ended.errors.splitlines() if "left alone" in line]
    assert "DEBUG    cat_update  a film.mkv [" in line
    save_path = filled.save_path / "elsewhere"
    assert line.endswith(str(because(Code.NO_CATEGORY_ENTRY, save_path=save_path)))


@pytest.mark.parametrize("way", ["flag", "variable", "section"])
def test_a_dry_run_asked_for_anywhere_changes_nothing_and_says_so(
    filled: Server, tmp_path: Path, way: str
) -> None:
    section = {"cat_update": True, "tag_update": True, "dry_run": way == "section"}
    write_config(tmp_path, _sections(filled, commands=section))
    before = state_of(filled)
    flags = ["--dry-run"] if way == "flag" else []
    ended = classic(tmp_path, *flags, **({"QBT_DRY_RUN": "on"} if way == "variable" else {}))
    assert ended.status == 0
    assert not differences(before, state_of(filled))
    assert "DRY RUN: nothing will be changed" in ended.errors
    assert "[dry run] cat_update  Ubuntu 24.04.iso" in ended.errors
    assert "Dry run: 2 categories set, 3 tags added; but nothing was changed." in ended.errors


def test_the_commands_section_replaces_the_flags(filled: Server, tmp_path: Path) -> None:
    write_config(tmp_path, _sections(filled, commands={"tag_update": True}))
    classic(tmp_path, "--cat-update")
    assert {(row["category"], row["tags"]) for row in filled.api.torrents()} == {("", "misc")}


def test_the_log_can_be_json(filled: Server, tmp_path: Path) -> None:
    write_config(tmp_path, _sections(filled))
    ended = classic(tmp_path, *_COMMANDS, "--log-format=json")
    for text in (ended.errors, _log(tmp_path)):
        events = [json.loads(line) for line in text.splitlines()]
        assert [each["event"] for each in events][:1] == ["run_started"]
        change = next(each for each in events if each["event"] == "change" and "hash" in each)
        assert change["what"] == "category (none) → linux"
        assert change["reason"].startswith("its save path")
        assert events[-1]["stats"] == {"tagged": 3, "categorized": 2}


def test_log_and_folder_are_for_their_owner_only(filled: Server, tmp_path: Path) -> None:
    write_config(tmp_path, _sections(filled))
    classic(tmp_path, "-tu")
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "logs/qbit_manage.log").stat().st_mode) == 0o600


def test_a_log_file_that_cannot_be_written_does_not_stop_a_run(
    filled: Server, tmp_path: Path
) -> None:
    write_config(tmp_path, _sections(filled))
    (tmp_path / "logs/qbit_manage.log").mkdir(parents=True)
    ended = classic(tmp_path, *_COMMANDS)
    assert ended.status == 0
    assert "Done: 2 categories set" in ended.errors
    assert ended.errors.count("cannot be written") == 1


def test_names_cannot_drive_the_terminal_or_forge_lines(filled: Server, tmp_path: Path) -> None:
    write_config(tmp_path, _sections(filled))
    for row in filled.api.torrents():
        evil = f"{row['name']}\x1b]0;owned\x07\x1b[2J\nINFO forged \u202egnp\x9b"
        filled.api.post("torrents/rename", hash=row["hash"], name=evil)
    library.wait_for(filled.api.torrents, lambda rows: all(len(row["name"]) > 20 for row in rows))
    told = [classic(tmp_path, *_COMMANDS, "--dry-run").errors, _log(tmp_path)]
    told.append(qbm("plan", "cat_update", "--config-dir", str(tmp_path)).output)
    told.append(qbm("plan", "cat_update", "--json", "--config-dir", str(tmp_path)).output)
    for text in told:
        assert "Ubuntu 24.04.iso" in text
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
        assert not any(line.startswith("INFO forged") for line in text.splitlines())


# qbm


@pytest.mark.parametrize("width", [80, 100])
def test_a_plan_is_a_table_that_fits_the_screen_and_changes_nothing(
    filled: Server, tmp_path: Path, width: int
) -> None:
    for name in torrents.HARD_NAMES:
        library.add(filled, torrents.single(name, _URL), save_path=filled.save_path / "iso")
    write_config(tmp_path, _sections(filled))
    before = state_of(filled)
    ended = qbm(
        "plan", "cat_update", "tag_update", "--config-dir", str(tmp_path), COLUMNS=str(width)
    )
    assert not differences(before, state_of(filled))
    assert (ended.status, ended.errors) == (0, "")
    assert f"cat_update: {len(torrents.HARD_NAMES) + 3} changes" in ended.output
    assert "Nothing was changed." in " ".join(ended.output.split())
    assert any(line.startswith("Torrent  ") for line in ended.output.splitlines())
    assert max(map(len, ended.output.splitlines())) <= width


def test_a_plan_as_json_is_one_document_with_every_decision_and_its_reason(
    filled: Server, tmp_path: Path
) -> None:
    write_config(tmp_path, _sections(filled))
    ended = qbm("plan", "cat_update", "--json", "--config-dir", str(tmp_path))
    [run] = ended.json["runs"]
    assert (ended.status, ended.json["exit_code"], ended.json["error"]) == (0, 0, None)
    assert (run["config_file"], run["dry_run"], run["torrents"]) == ("config.yml", True, 3)
    assert [change["change"]["type"] for change in run["changes"]] == [
        "CreateCategory",
        "SetCategory",
        "SetCategory",
    ]
    moved = run["changes"][1]
    assert moved["torrent"] in _NAMES
    assert moved["what"] == "category (none) → linux"
    assert moved["reason"]["code"] == "category_from_pattern"
    assert moved["why"].startswith(f"its save path {filled.save_path}/iso matches ")
    assert moved["outcome"] is None
    [left] = run["left_alone"]
    assert (left["torrent"], left["reason"]["code"]) == ("a film.mkv", "no_category_entry")
    assert run["stats"]["categorized"] == 2


def test_a_run_as_json_tells_what_became_of_each_change(filled: Server, tmp_path: Path) -> None:
    write_config(tmp_path, _sections(filled))
    hashes = [row["hash"] for row in filled.api.torrents() if row["name"] == "Debian 13.iso"]
    ended = qbm(
        "run", "tag_update", "--hash", hashes[0].upper(), "--json", "--config-dir", str(tmp_path)
    )
    [run] = ended.json["runs"]
    [change] = run["changes"]
    assert (run["dry_run"], run["whole"]) == (False, True)
    assert change["change"] == {
        "type": "AddTags",
        "hash": hashes[0],
        "tags": ["misc"],
        "before": [],
    }
    assert change["outcome"] == {"type": "Applied"}
    assert [row["name"] for row in filled.api.torrents(tag="misc")] == ["Debian 13.iso"]


def test_the_start_of_a_hash_is_told_how_to_become_a_whole_one(
    filled: Server, tmp_path: Path
) -> None:
    write_config(tmp_path, _sections(filled))
    [whole, *_] = [row["hash"] for row in filled.api.torrents()]
    ended = qbm("plan", "tag_update", "--hash", whole[:8], "--config-dir", str(tmp_path))
    assert f"warning: '{whole[:8]}' is only the start of a hash" in ended.errors
    assert "qbm plan --json" in ended.errors
    told = qbm("plan", "cat_update", "--json", "--debug", "--config-dir", str(tmp_path))
    [left] = told.json["runs"][0]["left_alone"]
    assert f"a film.mkv [{left['hash']}]  left alone: " in told.errors


def test_a_plan_counts_what_is_left_alone_and_lists_it_on_demand(
    filled: Server, tmp_path: Path
) -> None:
    write_config(tmp_path, _sections(filled))
    words = ("plan", "cat_update", "--config-dir", str(tmp_path))
    in_short = qbm(*words)
    assert "1  cat_update: its save path has no entry under cat" in in_short.output
    assert "a film.mkv" not in in_short.output
    [row] = [each for each in qbm(*words, "--all").output.splitlines() if "a film.mkv" in each]
    assert "cat_update" in row


def test_a_plan_begins_with_its_server_and_config(filled: Server, tmp_path: Path) -> None:
    path = write_config(tmp_path, _sections(filled))
    ended = qbm("plan", "cat_update", "--config", str(path), COLUMNS="200")
    assert ended.output.startswith(f"Plan for {filled.url} by {path}\n\n")


@pytest.mark.parametrize("level", ["debug", "error", "loud"])
def test_qbm_takes_a_log_level(filled: Server, tmp_path: Path, level: str) -> None:
    write_config(tmp_path, _sections(filled))
    ended = qbm("run", "cat_update", "--log-level", level, "--config-dir", str(tmp_path))
    assert ended.status == (2 if level == "loud" else 0)
    assert ("left alone" in ended.errors) is (level == "debug")
    assert (ended.errors == "") is (level == "error")


def test_qbm_run_without_commands_does_those_of_the_config(filled: Server, tmp_path: Path) -> None:
    write_config(tmp_path, _sections(filled, commands={"tag_update": True}))
    ended = qbm("run", "--config-dir", str(tmp_path))
    assert (ended.status, ended.output) == (0, "")
    assert {(row["category"], row["tags"]) for row in filled.api.torrents()} == {("", "misc")}


def test_commands_named_to_qbm_run_win_over_those_of_the_config(
    filled: Server, tmp_path: Path
) -> None:
    write_config(tmp_path, _sections(filled, commands={"tag_update": True}))
    qbm("run", "cat_update", "--config", str(tmp_path / "config.yml"))
    assert {row["tags"] for row in filled.api.torrents()} == {""}
    assert {row["category"] for row in filled.api.torrents()} == {"linux", ""}


def test_who_reads_only_the_first_line_of_a_plan_gets_no_traceback(
    filled: Server, tmp_path: Path
) -> None:
    write_config(tmp_path, _sections(filled))
    command = [sys.executable, "-m", "qbm", "plan", "tag_update", "--config-dir", str(tmp_path)]
    with _started(command) as process:
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        assert "Traceback" not in _end(process).errors


# Exit codes, each with its text


def _refused(folder: Path, *flags: str, **variables: str) -> Ended:
    ended = classic(folder, *(flags or ("-tu",)), **variables)
    assert "Traceback" not in ended.errors
    return ended


def _config_for(folder: Path, url: str, **qbt: Any) -> None:
    write_config(folder, {"qbt": {"host": url, **qbt}, "cat": {"a": "/data/a"}})


def test_a_server_that_is_down_is_3(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    _config_for(tmp_path, url)
    ended = _refused(tmp_path)
    assert ended.status == 3
    assert url in ended.errors
    assert "Is qBittorrent running" in ended.errors


@pytest.mark.parametrize("suite", list(Suite), ids=str)
def test_a_refused_login_is_3_and_the_password_stays_secret(
    start_server: StartServer, tmp_path: Path, suite: Suite
) -> None:
    server = start_server(suite, login=True)
    _config_for(tmp_path, server.url, user="admin", **{"pass": "wrong but secret"})
    ended = _refused(tmp_path, "-tu", "--trace")
    assert ended.status == 3
    assert "the password is wrong" in ended.errors
    assert "wrong but secret" not in ended.errors + _log(tmp_path)


def test_something_that_speaks_no_http_is_3(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with suppress(OSError):  # the listener is closed at the end
                while True:
                    connection, _address = listener.accept()
                    with connection:
                        connection.sendall(b"220 mail.example ESMTP\r\n")

        Thread(target=greet, daemon=True).start()
        _config_for(tmp_path, f"http://127.0.0.1:{listener.getsockname()[1]}")
        ended = _refused(tmp_path)
        assert ended.status == 3
        assert "does not speak HTTP" in ended.errors


class _AnotherSite(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<html>It works!</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the base's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


def test_another_web_server_is_3(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _AnotherSite) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        _config_for(tmp_path, f"http://127.0.0.1:{site.server_port}")
        ended = _refused(tmp_path)
        site.shutdown()
    assert ended.status == 3
    assert "it is not qBittorrent's Web UI" in ended.errors


def test_an_unknown_certificate_is_3_if_it_is_to_be_verified(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(Suite.TRIXIE, tls=True)
    _config_for(tmp_path, server.url, verify_certificate=True)
    ended = _refused(tmp_path)
    assert ended.status == 3
    assert "is not trusted" in ended.errors


def test_a_known_certificate_is_fine_and_an_unchecked_one_is_said_once(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(Suite.TRIXIE, tls=True)
    _config_for(tmp_path / "checked", server.url, verify_certificate=str(server.ca_file))
    _config_for(tmp_path / "unchecked", server.url)
    checked = _refused(tmp_path / "checked")
    unchecked = _refused(tmp_path / "unchecked")
    assert (checked.status, unchecked.status) == (0, 0)
    assert "is not checked" not in checked.errors
    assert unchecked.errors.count("is not checked") == 1


def test_every_problem_of_every_config_is_told_before_anything_is_touched(
    filled: Server, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    proxy = proxy_of(filled)
    write_config(tmp_path, _sections(filled, proxy.url), "good.yml")
    write_config(tmp_path, {"qbt": {"host": ""}, "cat": {"a": []}}, "bad.yml")
    (tmp_path / "broken.yml").write_text("qbt: {host: x\n  cat\n", encoding="utf-8")
    ended = _refused(tmp_path, "-tu", "-cu")
    assert ended.status == 2
    for told in ("bad.yml:", "qbt.host", "cat.a", "broken.yml:", "Nothing was done."):
        assert told in ended.errors
    assert not proxy.exchanges
    assert not (tmp_path / "qbm.db").exists()


def test_no_config_is_2_and_says_where_it_was_looked_for(tmp_path: Path) -> None:
    ended = _refused(tmp_path)
    assert ended.status == 2
    assert str(tmp_path) in ended.errors


@pytest.mark.parametrize(
    ("door", "flag"), [("classic", "--config-file (QBT"), ("qbm", "--config (QBT")]
)
def test_both_doors_look_for_a_config_in_the_same_folders_and_name_their_own_flag(
    tmp_path: Path, door: str, flag: str
) -> None:
    name = "named-by-a-test.yml"
    if door == "qbm":
        ended = qbm("run", "cat_update", "-c", name, XDG_CONFIG_HOME=str(tmp_path))
    else:
        command = [sys.executable, str(ROOT / "qbit_manage.py"), "--run", "-cu", "-c", name]
        with _started(command, XDG_CONFIG_HOME=str(tmp_path)) as process:
            ended = _end(process)
    assert ended.status == 2
    assert f"in /config, {ROOT / 'config'}, {tmp_path / 'qbit-manage'}." in ended.errors
    assert flag in ended.errors


@pytest.mark.parametrize("door", ["classic", "qbm"])
def test_no_command_is_2_and_says_what_to_give(
    trixie_server: Server, tmp_path: Path, door: str
) -> None:
    write_config(tmp_path, _sections(trixie_server))
    words = ["run", "--config-dir", str(tmp_path)]
    ended = qbm(*words) if door == "qbm" else classic(tmp_path)
    assert ended.status == 2
    assert "Nothing to do: no command was asked for" in ended.errors
    assert "cat_update" in ended.errors


@pytest.mark.parametrize("flag", ["--dryrun", "-dryrun", "-dry"])
def test_a_mistyped_dry_run_never_becomes_a_real_run(
    filled: Server, proxy_of: ProxyOf, tmp_path: Path, flag: str
) -> None:
    proxy = proxy_of(filled)
    write_config(tmp_path, _sections(filled, proxy.url))
    ended = _refused(tmp_path, "-tu", flag)
    assert ended.status == 2
    assert f"Unknown flag {flag}. Did you mean --d" in ended.errors.replace("-dr?", "--dry-run?")
    assert not proxy.exchanges


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "cat_updat"], "Did you mean cat_update?"),
        (["run", "--dryrun"], "--dry-run"),
        (["rnu"], "Did you mean 'run'?"),
    ],
)
def test_qbm_refuses_what_it_does_not_know_and_names_the_nearest(
    words: list[str], told: str
) -> None:
    ended = qbm(*words)
    assert ended.status == 2
    assert told in ended.errors


def test_a_wrong_variable_is_2_at_both_doors(tmp_path: Path) -> None:
    _config_for(tmp_path, "http://127.0.0.1:1")
    for ended in (
        classic(tmp_path, "-tu", QBT_DRY_RUN="perhaps"),
        qbm("run", "tag_update", "--config-dir", str(tmp_path), QBT_DRY_RUN="perhaps"),
    ):
        assert ended.status == 2
        assert "QBT_DRY_RUN: 'perhaps' is wrong" in ended.errors


def test_with_neither_a_run_nor_a_server_there_is_nothing_to_do() -> None:
    command = [sys.executable, str(ROOT / "qbit_manage.py"), "--cat-update", "-ws=false"]
    with _started(command) as process:
        ended = _end(process)
    assert ended.status == 2
    assert "no scheduler yet. Add --web-server" in ended.errors


def test_a_change_that_the_server_refuses_is_1_and_the_others_are_made(
    filled: Server, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    proxy = proxy_of(filled)
    proxy.inject(Answer(500), path_is("torrents/setCategory"))
    write_config(tmp_path, _sections(filled, proxy.url))
    ended = _refused(tmp_path, *_COMMANDS)
    assert ended.status == 1
    assert "NOT DONE, category (none) → linux" in ended.errors
    assert "Done in part: 3 tags added" in ended.errors
    assert {row["tags"] for row in filled.api.torrents()} == {"misc"}


def test_one_server_that_is_down_does_not_keep_the_others_back(
    filled: Server, tmp_path: Path
) -> None:
    _config_for(tmp_path, f"http://127.0.0.1:{free_port()}")
    (tmp_path / "config.yml").rename(tmp_path / "a-down.yml")
    write_config(tmp_path, _sections(filled), "b-up.yml")
    ended = _refused(tmp_path, "-tu")
    assert ended.status == 3
    assert f"({tmp_path}/a-down.yml)" in ended.errors
    assert "Done: 3 tags added" in ended.errors
    as_json = qbm("run", "tag_update", "--json", "--config", str(tmp_path / "*.yml"))
    assert as_json.status == as_json.json["exit_code"] == 3
    down, up = as_json.json["runs"]
    assert "Is qBittorrent running" in down["error"]
    assert (up["error"], up["whole"]) == (None, True)


def test_an_unwritable_state_folder_is_1_and_named(tmp_path: Path) -> None:
    _config_for(tmp_path, "http://127.0.0.1:1")
    state = tmp_path / "state"
    state.write_text("a file", encoding="utf-8")
    ended = _refused(tmp_path, "-tu", QBM_STATE_DIR=str(state))
    assert ended.status == 1
    assert str(state) in ended.errors


# Stops and waits


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_a_stop_ends_a_run_between_two_changes_and_the_next_run_does_the_rest(
    filled: Server, proxy_of: ProxyOf, tmp_path: Path, by: signal.Signals
) -> None:
    proxy = proxy_of(filled)
    pause = Pause()
    proxy.inject(pause, path_is("torrents/setCategory"))
    write_config(tmp_path, _sections(filled, proxy.url))
    with _started(classic_command(tmp_path, *_COMMANDS)) as process:
        pause.wait()
        process.send_signal(by)
        # Only when the log says so has the program taken the signal.
        library.wait_for(lambda: _log(tmp_path), lambda text: "Stopping" in text)
        pause.go_on()
        ended = _end(process)
    assert ended.status == 130
    assert "Traceback" not in ended.errors
    assert "Stopped on request" in ended.errors
    assert [each.path for each in proxy.writes][-1] == "torrents/setCategory"
    after = classic(tmp_path, *_COMMANDS)
    assert after.status == 0
    assert "Done: 3 tags added" in after.errors


def test_a_second_ctrl_c_ends_the_program_at_once(
    filled: Server, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    proxy = proxy_of(filled)
    pause = Pause()
    proxy.inject(pause, is_write)
    write_config(tmp_path, _sections(filled, proxy.url))
    with _started(classic_command(tmp_path, *_COMMANDS)) as process:
        pause.wait()
        process.send_signal(signal.SIGINT)
        library.wait_for(lambda: _log(tmp_path), lambda text: "Stopping" in text)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT


def test_a_run_waits_for_the_folder_says_for_whom_and_can_be_stopped_meanwhile(
    filled: Server, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    proxy = proxy_of(filled)
    pause = Pause()
    proxy.inject(pause, is_write)
    write_config(tmp_path, _sections(filled, proxy.url))
    with _started(classic_command(tmp_path, "-tu")) as first:
        pause.wait()
        with _started(classic_command(tmp_path, "-tu")) as second:
            waiting = f"Waiting for another run (process {first.pid}"
            library.wait_for(lambda: _log(tmp_path), lambda text: waiting in text)
            second.send_signal(signal.SIGTERM)
            ended = _end(second)
        pause.go_on()
        assert _end(first).status == 0
    assert ended.status == 130
    assert waiting in ended.errors


# Secrets, and the ways to start


def test_no_secret_reaches_the_screen_the_log_the_answer_or_the_database(
    start_server: StartServer, proxy_of: ProxyOf, tmp_path: Path
) -> None:
    server = start_server(Suite.TRIXIE, login=True, password='p"ss wörd&more')
    _fill(server)
    proxy = proxy_of(server)
    proxy.inject(Answer(500, b'p"ss w\xc3\xb6rd&more is wrong'), path_is("torrents/addTags"))
    qbt = {"user": "admin", "pass": "!ENV SECRET"}
    path = write_config(tmp_path, _sections(server, proxy.url, qbt=qbt))
    path.write_text(path.read_text("utf-8").replace("'!ENV SECRET'", "!ENV SECRET"), "utf-8")
    variables = {"SECRET": server.password}
    ended = classic(tmp_path, *_COMMANDS, "--trace", **variables)
    assert ended.status == 1
    answer = qbm("run", *("cat_update", "tag_update"), "--json", "--config", str(path), **variables)
    assert answer.status == 0
    path.unlink()
    kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    for text in (ended.errors, answer.output, answer.errors, kept.decode(errors="replace")):
        assert _PASSKEY not in text
    for text in (ended.errors, answer.output, answer.errors, _log(tmp_path)):
        assert server.password not in text


def test_a_clone_runs_its_own_sources_without_being_installed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    script = shutil.copy(ROOT / "qbit_manage.py", tmp_path)
    package = tmp_path / "src/qbm/__init__.py"
    package.write_text('__version__ = "77.7"\n', encoding="utf-8")
    with _started([sys.executable, str(script), "--version"]) as process:
        assert _end(process).output == "qbm 77.7\n"


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_version_and_help_load_nothing_that_is_slow(flag: str) -> None:
    for door, slow in (
        ("classic_main", {"typer", "argparse"}),
        ("main", {"rich"}),
    ):
        program = (
            "import sys, qbm.bootstrap as b\n"
            f"sys.argv = ['qbm', {flag!r}]\n"
            f"status = b.{door}()\n"
            f"slow = {slow | {'sqlalchemy', 'pydantic', 'aiohttp', 'structlog', 'ruamel'}!r}\n"
            "print(sorted(slow & {name.partition('.')[0] for name in sys.modules}))\n"
            "sys.exit(status)"
        )
        with _started([sys.executable, "-c", program]) as process:
            ended = _end(process)
        assert (ended.status, ended.output.splitlines()[-1]) == (0, "[]")


def test_the_installed_scripts_are_the_two_doors() -> None:
    folder = Path(sys.executable).parent
    for name in ("qbm", "qbit-manage"):
        with _started([str(folder / name), "--version"]) as process:
            assert _end(process).output.startswith("qbm ")


def test_completion_knows_the_commands() -> None:
    variables = {
        "_QBM_COMPLETE": "complete_bash",
        "COMP_WORDS": "qbm run cat",
        "COMP_CWORD": "2",
        **{name: os.environ[name] for name in ("HOME",) if name in os.environ},
    }
    with _started([str(Path(sys.executable).parent / "qbm")], **variables) as process:
        assert "cat_update" in _end(process).output
