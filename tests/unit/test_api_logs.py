"""The logs' routes: the end of a file in the logs folder, and of no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qbm.api.logs import tail
from tests.api import SECRET, Served, serve


@pytest.fixture
def served(tmp_path: Path) -> Served:
    served = serve(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "qbit_manage.log").write_text(f"one\n\ntwo {SECRET}\nthree\n")
    (tmp_path / "logs" / "other.log").write_text("other\n")
    (tmp_path / "logs" / "qbit_manage.log.1").write_text("older\n")
    (tmp_path / "logs" / "notes.txt").write_text("no log\n")
    (tmp_path / "outside.log").write_text("outside\n")
    (tmp_path / "logs" / "link.log").symlink_to(tmp_path / "outside.log")
    (tmp_path / "logs" / "folder.log").mkdir()
    os.mkfifo(tmp_path / "logs" / "pipe.log")
    return served


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("", ["one", "", "two ***", "three"]),
        ("?limit=2", ["two ***", "three"]),
        ("?limit=100", ["one", "", "two ***", "three"]),
        ("?limit=0", ["one", "", "two ***", "three"]),
        ("?limit=-1", ["one", "", "two ***", "three"]),
        ("?log_filename=other.log", ["other"]),
        ("?log_filename=qbit_manage.log.1&limit=5", ["older"]),
    ],
)
async def test_the_last_lines_are_told_oldest_first_without_secrets(
    served: Served, query: str, lines: list[str]
) -> None:
    answer = await served.client().get(f"/api/logs{query}")
    assert answer.json == {"logs": lines}


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("missing.log", 404),
        ("link.log", 404),
        ("folder.log", 404),
        ("pipe.log", 404),
        ("%EF%BF%BD.log", 404),
        ("notes.txt", 400),
        ("", 400),
        (".log", 400),
        ("../outside.log", 400),
        ("..%2Foutside.log", 400),
        ("%2Fetc%2Fpasswd.log", 400),
        ("..%5Coutside.log", 400),
        ("a%00.log", 400),
        ("a.log%0A", 400),
        (f"{'x' * 300}.log", 404),
    ],
)
async def test_only_logs_of_the_folder_are_shown(served: Served, name: str, status: int) -> None:
    answer = await served.client().get(f"/api/logs?log_filename={name}")
    assert answer.status == status
    assert list(answer.json) == ["detail"]


async def test_a_limit_that_is_no_number_is_400(served: Served) -> None:
    answer = await served.client().get("/api/logs?limit=many")
    assert (answer.status, answer.detail) == (400, "limit: it must be a whole number.")


async def test_the_logs_are_listed(served: Served) -> None:
    answer = await served.client().get("/api/log_files")
    assert answer.json == {"log_files": ["other.log", "qbit_manage.log", "qbit_manage.log.1"]}


async def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    answer = await serve(tmp_path).client().get("/api/log_files")
    assert answer.json == {"log_files": []}


async def test_bytes_that_are_no_text_are_shown_as_well_as_can_be(served: Served) -> None:
    (served.folder / "logs" / "other.log").write_bytes(b"caf\xe9\n\xff")
    answer = await served.client().get("/api/logs?log_filename=other.log")
    assert answer.json == {"logs": ["caf\ufffd", "\ufffd"]}


@pytest.mark.parametrize("count", [1, 7, 1000, 30_000])
def test_the_end_of_a_large_file_is_read_block_by_block(tmp_path: Path, count: int) -> None:
    lines = [f"line {number} {'x' * (number % 90)}" for number in range(40_000)]
    path = tmp_path / "large.log"
    path.write_text("\n".join(lines) + "\n")
    assert tail(path, count) == lines[-count:]


def test_of_a_huge_file_only_whole_lines_of_its_end_are_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.log"
    with path.open("wb") as file:
        file.truncate(3 * 2**30)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"0123456789\n" * 600_000)
    lines = tail(path, None)
    assert 300_000 < len(lines) < 450_000
    assert set(lines) == {"0123456789"}


def test_one_endless_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "line.log"
    path.write_bytes(b"x" * 6_000_000 + b"\nlast\n")
    assert tail(path, 10) == ["last"]
    assert tail(tmp_path / "gone.log", 5) == []
