"""Locks: one process at work per state folder, and one per server on a host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qbm.errors import StoreError, StoreUnwritable
from qbm.store import Occupant, Purpose, ServerLock, StateLock
from qbm.store.locks import runtime_folder
from tests.store_factories import NOW

HOLD_IT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from qbm.store import Purpose, StateLock
lock = StateLock(Path(sys.argv[1]), Purpose(sys.argv[2]))
assert lock.take(datetime(2026, 3, 1, 12, tzinfo=UTC))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(folder: Path, purpose: Purpose) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of ``folder`` until it is killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD_IT, str(folder), purpose],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def a_lock(folder: Path, purpose: Purpose = Purpose.RUN) -> StateLock:
    return StateLock(folder, purpose)


def now() -> datetime:
    return NOW


def test_making_a_lock_touches_nothing(tmp_path: Path) -> None:
    a_lock(tmp_path / "missing")
    ServerLock("http://127.0.0.1:8080", Purpose.RUN, tmp_path / "locks")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_state_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with a_lock(tmp_path / "new" / "state") as lock:
        assert lock.take(NOW)
        assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700
        assert lock.path.stat().st_mode & 0o777 == 0o600


def test_a_second_lock_is_not_given_until_the_first_is_released(tmp_path: Path) -> None:
    first, second = a_lock(tmp_path), a_lock(tmp_path)
    assert first.take(NOW)
    assert first.take(NOW), "what one has, one gets again"
    assert not second.take(NOW)
    first.release()
    first.release()
    assert second.take(NOW)
    second.release()


def test_a_waiter_learns_who_is_at_work(tmp_path: Path) -> None:
    with another_process(tmp_path, Purpose.SERVE) as child:
        lock = a_lock(tmp_path)
        assert not lock.take(NOW)
        assert lock.occupant() == Occupant(child.pid, Purpose.SERVE, NOW)


def test_an_occupant_reads_as_a_sentence() -> None:
    local = datetime(2026, 3, 1, 12).astimezone()
    said = str(Occupant(7, Purpose.RUN, local.astimezone(UTC)))
    assert said == "another run (process 7, since 2026-03-01 12:00:00)"
    assert str(Occupant(7, Purpose.SERVE, local)).startswith("a server (process 7")


def test_a_killed_holder_leaves_the_lock_free_and_its_name_without_meaning(
    tmp_path: Path,
) -> None:
    with another_process(tmp_path, Purpose.RUN) as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
        with a_lock(tmp_path) as lock:
            assert lock.take(NOW)
            assert lock.occupant() == Occupant(os.getpid(), Purpose.RUN, NOW)


@pytest.mark.parametrize("left", [b"", b"not json", b'{"pid": 1}', b"\xff" * 5000])
def test_whatever_a_lock_file_holds_it_can_be_taken(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "qbm.lock").write_bytes(left)
    with a_lock(tmp_path) as lock:
        assert lock.occupant() is None
        assert lock.take(NOW)
        assert json.loads(lock.path.read_bytes())["pid"] == os.getpid()


def test_a_lock_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "qbm.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreUnwritable, match=r"qbm\.lock"):
        a_lock(tmp_path).take(NOW)
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_state_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreUnwritable, match=str(tmp_path / "state")):
        a_lock(tmp_path / "state").take(NOW)


def server_lock(folder: Path, server: str = "http://127.0.0.1:8080") -> ServerLock:
    return ServerLock(server, Purpose.RUN, folder)


def test_runs_of_two_state_folders_exclude_each_other_on_one_server(tmp_path: Path) -> None:
    first, second = server_lock(tmp_path / "locks"), server_lock(tmp_path / "locks")
    another = server_lock(tmp_path / "locks", "http://127.0.0.1:8081")
    with first, second, another:
        assert first.take(NOW)
        assert not second.take(NOW)
        assert another.take(NOW)


def test_the_folder_of_server_locks_is_for_its_owner_only(tmp_path: Path) -> None:
    with server_lock(tmp_path / "locks") as lock:
        assert lock.take(NOW)
    assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o700


def test_the_default_folder_is_one_per_user(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runtime_folder().name == f"qbm-{os.getuid()}"


def test_a_folder_for_locks_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "locks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="link"):
        server_lock(tmp_path / "locks").take(NOW)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_for_locks_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks").chmod(0o777)
    with pytest.raises(StoreError, match="chmod 700"):
        server_lock(tmp_path / "locks").take(NOW)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_for_locks_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir(mode=0o700)
    os.chown(tmp_path / "locks", 65534, 65534)
    with pytest.raises(StoreError, match="somebody else"):
        server_lock(tmp_path / "locks").take(NOW)
