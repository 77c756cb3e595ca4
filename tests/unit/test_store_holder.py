"""Who holds a run: processes told apart, across restarts and places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qbm.errors import StoreUnwritable
from qbm.store import host_id, is_alive, this_process

SAY_WHO = "from qbm.store import this_process; print(this_process(), flush=True); input()"


def test_this_process_is_alive() -> None:
    assert is_alive(this_process())
    assert this_process() == this_process()


def test_a_process_is_alive_until_it_ends_even_before_its_parent_looks() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", SAY_WHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    who = child.stdout.readline().strip()
    assert who != this_process()
    assert is_alive(who)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but still in the table
    assert not is_alive(who)
    child.communicate()
    assert not is_alive(who)


def test_a_pid_that_was_given_out_again_is_another_process() -> None:
    place, pid, start = this_process().rsplit("/", 2)
    assert not is_alive(f"{place}/{pid}/{int(start) - 1}")


def test_nobody_knows_of_a_process_elsewhere() -> None:
    _, pid, start = this_process().rsplit("/", 2)
    assert is_alive(f"another boot/pid:[1]/{pid}/{start}")
    assert is_alive("another boot/pid:[1]/999999999/1")


def test_a_host_keeps_its_machine_id(tmp_path: Path) -> None:
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("0123456789abcdef0123456789abcdef\n")
    assert host_id(tmp_path / "state", machine_id) == "0123456789abcdef0123456789abcdef"
    assert not (tmp_path / "state").exists()


def test_a_container_without_a_machine_id_keeps_one_in_its_state_folder(
    tmp_path: Path,
) -> None:
    none = tmp_path / "none"
    made = host_id(tmp_path / "state", none)
    assert len(made) == 32
    assert host_id(tmp_path / "state", none) == made
    assert host_id(tmp_path / "another", none) != made
    assert [each.name for each in (tmp_path / "state").iterdir()] == ["host-id"]


def test_a_host_id_that_cannot_be_kept_says_where(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreUnwritable, match="file"):
        host_id(tmp_path / "file", tmp_path / "none")
