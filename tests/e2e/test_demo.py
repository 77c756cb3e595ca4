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
from qbm.demo.play import mistakes
from qbm.demo.samples import SAMPLES
from qbm.errors import ServerUnreachable
from tests.factories import a_snapshot, a_torrent
from tests.lab import library
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
        [sys.executable, "-m", "tests.lab.demo"],
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
    command = [sys.executable, "-m", "tests.lab.demo", "--once"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "A real qBittorrent" in ended.stdout
    assert "/api/run-command" in ended.stdout
    assert "200  Commands executed successfully for all configs: tagged 15, categorized 8" in (
        ended.stdout
    )
    assert "The demo did all it should." in ended.stdout


def test_the_check_sees_a_wrong_category_a_wrong_tag_and_an_absent_torrent() -> None:
    right = [a_torrent(each.name, category=each.ends_in, tags=each.ends_with) for each in SAMPLES]
    assert mistakes(a_snapshot(right)) == []
    wrong = [
        replace(right[0], category="nowhere"),
        replace(right[1], tags=frozenset({"strange"})),
        *right[3:],
    ]
    named = [each.partition(":")[0] for each in mistakes(a_snapshot(wrong))]
    assert named == [each.name for each in SAMPLES[:3]]
