"""Both demos do all they should, and notice when they do not."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from qbm.demo import simulated
from qbm.demo.play import misplaced, mistakes
from qbm.demo.samples import BIN, LIMITS, ORPHANED, ORPHANS, SAMPLES, Sample
from qbm.errors import ServerUnreachable
from qbm.model.limit import ShareLimits
from qbm.model.torrent import State, Torrent
from tests.factories import a_snapshot, a_torrent
from tests.lab import library
from tests.lab.ports import free_port
from tests.lab.webapi import WebApi
from tests.program import ROOT, environment, qbm


def test_qbm_demo_plays_on_the_simulator_and_ends_well() -> None:
    ended = qbm("demo")
    assert ended.status == 0, ended.errors
    assert "The demo did all it should." in ended.output


def test_headings_and_log_lines_of_the_demo_stand_in_their_order_in_a_file(tmp_path: Path) -> None:
    with (tmp_path / "demo.txt").open("w+", encoding="utf-8") as file:
        command = [sys.executable, "-m", "qbm", "demo"]
        subprocess.run(
            command, env=environment(), stdout=file, stderr=subprocess.STDOUT, check=True
        )
        file.seek(0)
        text = file.read()
    marks = ("A simulated", "1. A dry run", "DRY RUN", "2. The run", "Done:", "3. The same", "What")
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_a_port_of_the_demo_that_is_taken_is_told_without_a_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = qbm("demo", "--port", str(port))
    assert ended.status == 1
    assert "Traceback" not in ended.errors
    assert f"{port}" in ended.errors
    assert "Without --port" in ended.errors


def test_a_server_of_the_demo_that_goes_away_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def program(words: Sequence[str]) -> int:
        raise ServerUnreachable(f"gone after {words[0]}")

    assert simulated.main(keep=False, port=0, program=program) == 3
    assert "The demo cannot go on: gone after --run" in capsys.readouterr().err


@pytest.mark.servers
def test_make_demo_serves_until_ctrl_c_and_its_curl_example_mends_what_was_undone() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.lab.demo", "--port", f"{free_port()}"],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        process_group=0,
    ) as demo:
        assert demo.stdout
        told = "".join(
            iter(demo.stdout.readline, "Both servers and the library go away at Ctrl-C.\n")
        )
        [qbittorrent] = re.findall(r"torrents is at (\S+)", told)
        with WebApi(qbittorrent) as api:
            hashes = "|".join(row["hash"] for row in api.torrents())
            api.post("torrents/removeTags", hashes=hashes, tags="")
            library.wait_for(api.torrents, lambda rows: not any(row["tags"] for row in rows))
            [curl] = re.findall(r"^ *curl .*\\\n.*", told, flags=re.MULTILINE)
            answer = subprocess.run(["sh", "-c", curl], capture_output=True, check=True).stdout
            mended = api.torrents()
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(60) == 0
    assert b'"status":"success"' in answer
    assert all(row["tags"] for row in mended)


@pytest.mark.servers
def test_make_demo_once_plays_on_a_real_server_and_ends_well() -> None:
    command = [sys.executable, "-m", "tests.lab.demo", "--once", "--port", f"{free_port()}"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "A real qBittorrent" in ended.stdout
    assert "/api/run-command" in ended.stdout
    assert "200  Commands executed successfully for all configs: deleted_contents 2, " in (
        ended.stdout
    )
    assert "resumed 1, orphaned 2, tagged 29, categorized 12, rem_unreg 2, " in ended.stdout
    assert "tagged_tracker_error 1, tagged_noHL 2, " in ended.stdout
    assert "orphaned_data/incoming/half of a book.pdf\n" in ended.stdout
    assert ".RecycleBin/films/Cosmos Laundromat (2015) 720p.mkv\n" in ended.stdout
    assert "3 Llamigos.mkv  (another torrent's as well, so it stays)" in ended.stdout
    assert "The demo did all it should." in ended.stdout


def test_the_check_sees_what_the_server_should_not_show() -> None:
    right = [_as_it_should_end(each) for each in SAMPLES if not each.is_removed]
    assert mistakes(a_snapshot(right)) == []
    removed = next(each for each in SAMPLES if each.is_removed)
    limited, tagged, categorised, *rest = right
    wrong = [
        replace(limited, share_limits=ShareLimits()),
        replace(tagged, tags=frozenset({"strange"})),
        replace(categorised, category="nowhere"),
        replace(rest[0], state=State.STOPPED_UP),
        *rest[2:],
        a_torrent(removed.name),
    ]
    named = {each.partition(":")[0] for each in mistakes(a_snapshot(wrong))}
    assert named == {*(each.name for each in right[:5]), removed.name}


def _as_it_should_end(sample: Sample) -> Torrent:
    limits = LIMITS if sample.is_limited else ShareLimits()
    torrent = a_torrent(sample.name, category=sample.ends_in, tags=sample.ends_with)
    return replace(torrent, share_limits=limits)


def test_the_check_sees_a_file_that_is_lost_and_one_that_was_not_put_away(tmp_path: Path) -> None:
    removed = next(each for each in SAMPLES if each.stay)
    for each in SAMPLES:
        for path in each.paths if each.is_complete else ():
            is_put_away = each.is_removed and path not in each.stays
            _touched(tmp_path / (BIN / path if is_put_away else path))
    for path in ORPHANS:
        _touched(tmp_path / ORPHANED / path)
    assert misplaced(tmp_path) == []
    [kept] = removed.stays
    (tmp_path / kept).unlink()
    first = removed.paths[0]
    (tmp_path / BIN / first).rename(tmp_path / first)
    orphan = ORPHANS[0]
    _touched(tmp_path / orphan)
    assert misplaced(tmp_path) == [
        f"{BIN / first} is not there",
        f"{kept} is not there",
        *sorted([f"{first} is still there", f"{orphan} is still there"]),
    ]


def _touched(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
