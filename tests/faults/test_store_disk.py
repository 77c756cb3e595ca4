"""Disks that are full, read-only or damaged: a text that names the file, and nothing lost."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from qbm.errors import StoreError, StoreUnwritable
from qbm.store import Store
from tests.faults.killer import KillPoint, Side, killing
from tests.store_factories import NOW, a_new_run, a_running, planned

NEVER = KillPoint(Side.AFTER, 1_000_000)


def told(act: str, folder: Path, mount: str = "") -> str:
    """What a child says; ``mount`` is a shell command of a namespace of its own."""
    command = killing(NEVER, f"tests.faults.store_program:{act}", [str(folder)])
    if mount:
        script = f"{mount} && exec {shlex.join(command)}"
        command = [*_unshare(), "sh", "-c", script]
    child = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert child.returncode == 0, child.stderr
    assert "Traceback" not in child.stderr
    return child.stdout


def _unshare() -> list[str]:
    """A mount namespace that ends with its process, and with it what was mounted there."""
    command = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
    program = shutil.which("unshare")
    if not program or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("this system lets nobody mount in a namespace (unshare)")
    return command


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    said = told("starve", tmp_path, f"mount -t tmpfs -o size=1m none {tmp_path}").splitlines()
    assert said[0].startswith(f"plan: StoreUnwritable: {tmp_path}/qbm.db: ")
    assert "Free some space" in said[0] or "Check the disk" in said[0]
    assert said[1:] == ["entries: 10", "intents: 10"]


def test_a_limit_on_the_size_of_files_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    said = told("starve_by_limit", tmp_path).splitlines()
    assert said[0].startswith(f"plan: StoreUnwritable: {tmp_path}/qbm.db: ")
    assert said[1:] == ["entries: 10", "intents: 10"]


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "used before"])
def test_a_read_only_folder_is_named(tmp_path: Path, is_there: bool) -> None:
    if is_there:
        with Store.open(tmp_path) as store:
            store.accept(a_new_run(), NOW)
    bind = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path}"
    said = told("open_it", tmp_path, bind)
    assert said.startswith(f"open: StoreUnwritable: {tmp_path}/qbm.db: ")
    assert "writable" in said


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreUnwritable, match="file/state"):
        Store.open(tmp_path / "file" / "state")


def test_a_database_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "qbm.db").mkdir()
    with pytest.raises(StoreUnwritable, match=r"qbm\.db: it cannot be opened"):
        Store.open(tmp_path)


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "qbm.db").write_text("These are my notes.\n" * 100)
    with pytest.raises(StoreError, match=r"qbm\.db: this is not a database of qbm"):
        Store.open(tmp_path)
    assert (tmp_path / "qbm.db").read_text() == "These are my notes.\n" * 100


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.record(a_running(store).id, planned(100))
    path = tmp_path / "qbm.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StoreError, match=r"qbm\.db: it is damaged"), Store.open(tmp_path) as store:
        store.runs()


def test_a_database_of_another_program_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "qbm.db")) as raw:
        raw.execute("CREATE TABLE runs (something_else)")
    with pytest.raises(StoreError, match=r"qbm\.db: SQLite cannot use it \(table runs already"):
        Store.open(tmp_path)


def test_a_locked_database_is_named_after_some_patience(tmp_path: Path) -> None:
    with (
        Store.open(tmp_path, patience=0.05) as store,
        closing(sqlite3.connect(tmp_path / "qbm.db")) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"qbm\.db: another process keeps it locked"):
            store.accept(a_new_run(), NOW)
        assert store.runs() == [], "readers do not wait"
        other.rollback()
        store.accept(a_new_run(), NOW)
