"""A full disk under the state folder stops the run, before anything unwritten is done."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import library, torrents
from tests.lab.proxy import Proxy
from tests.lab.servers import Server
from tests.program import classic, write_config

_MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
        pytest.skip("only root can mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_with_a_clear_message_and_the_next_one_mends(
    trixie_server: Server, small_disk: Path
) -> None:
    made = [torrents.single(f"{n}.bin", "http://127.0.0.1:1/announce/a") for n in range(300)]
    library.add(trixie_server, *made)
    with Proxy(trixie_server.url) as proxy:
        sections: dict[str, Any] = {
            "qbt": {"host": proxy.url},
            "cat": {"all": str(trixie_server.save_path)},
            "tracker": {"announce": {"tag": "A"}},
        }
        write_config(small_disk, sections)
        job = ("--cat-update", "--tag-update")
        assert classic(small_disk, *job, "--dry-run").status == 0
        ballast = small_disk / "ballast"
        free = os.statvfs(small_disk)
        ballast.write_bytes(bytes(max(free.f_bavail * free.f_frsize - 40_960, 0)))
        full = classic(small_disk, *job)
        assert full.status == 1
        assert "qbm.db" in full.errors
        assert "space" in full.errors.lower()
        assert "Traceback" not in full.errors
        assert proxy.writes == []
        ballast.unlink()
        mended = classic(small_disk, *job)
        assert mended.status == 0, mended.errors
    assert {row["tags"] for row in trixie_server.api.torrents()} == {"A"}
