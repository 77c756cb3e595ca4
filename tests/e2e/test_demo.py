"""Both demos do all they should, and notice when they do not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from msgspec.structs import replace

from qbm.demo.play import mistakes
from qbm.demo.samples import SAMPLES
from tests.factories import a_snapshot, a_torrent
from tests.program import ROOT, environment, qbm


def test_qbm_demo_plays_on_the_simulator_and_ends_well() -> None:
    ended = qbm("demo")
    assert ended.status == 0, ended.errors
    assert "The demo did all it should." in ended.output


@pytest.mark.servers
def test_make_demo_once_plays_on_a_real_server_and_ends_well() -> None:
    command = [sys.executable, "-m", "tests.lab.demo", "--once"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "A real qBittorrent" in ended.stdout
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
