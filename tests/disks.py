"""Folders on file systems of their own, for tests of what moves files.

What a machine cannot give is a skip that says so. Each is gone when the block ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NOBODY = 65534


@contextmanager
def other_device(than: Path) -> Iterator[Path]:
    """A folder on another device than ``than``: in memory, or else a small file system."""
    memory = Path("/dev/shm")
    if memory.is_dir() and memory.stat().st_dev != than.stat().st_dev:
        with tempfile.TemporaryDirectory(dir=memory) as name:
            yield Path(name)
        return
    folder = than / "device"
    with small_disk(folder, megabytes=64):
        yield folder


@contextmanager
def small_disk(folder: Path, megabytes: int = 1) -> Iterator[Path]:
    """A file system of its own at ``folder``, which is made."""
    with _mounted("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder=folder):
        yield folder


@contextmanager
def image(folder: Path, kind: str = "ext4", megabytes: int = 8) -> Iterator[Path]:
    """A file system of that type, and of its own, at ``folder``; it is in a file beside it."""
    make = shutil.which(f"mkfs.{kind}", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if make is None:
        pytest.skip(f"this machine has no mkfs.{kind}")
    file = folder.with_name(f"{folder.name}.img")
    with file.open("wb") as opened:
        opened.truncate(megabytes << 20)
    subprocess.run([make, str(file)], check=True, capture_output=True)
    with _mounted("-t", kind, "-o", "loop", str(file), folder=folder):
        yield folder


@contextmanager
def of_kind(kind: str, folder: Path) -> Iterator[Path]:
    """A file system of that type, in memory, at ``folder``; its source is a name of its own."""
    with _mounted("-t", kind, uuid.uuid4().hex, folder=folder):
        yield folder


@contextmanager
def overlay(lower: Path, upper: Path, folder: Path) -> Iterator[Path]:
    """At ``folder`` all of ``lower``; what is changed is written to ``upper``, which is made."""
    for each in ("changed", "work"):
        (upper / each).mkdir(parents=True)
    ways = f"lowerdir={lower},upperdir={upper}/changed,workdir={upper}/work"
    with _mounted("-t", "overlay", "-o", ways, "overlay", folder=folder):
        yield folder


@contextmanager
def bound(folder: Path, at: Path) -> Iterator[Path]:
    """``folder`` a second time, at ``at``: one device, and yet no rename leads across.

    What is at ``at`` already is out of sight meanwhile.
    """
    with _mounted("--bind", str(folder), folder=at):
        yield at


def read_only(folder: Path) -> None:
    """The file system of ``folder`` takes no more changes, as one with faults does."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def writable(folder: Path) -> None:
    """The file system of ``folder`` takes changes again."""
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


@contextmanager
def nobodys_folder() -> Iterator[Path]:
    """A folder that a user without rights can reach: those of pytest are root's alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def as_nobody() -> Iterator[None]:
    """This process has no rights but those that everybody has; root alone can do that."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    group = os.getegid()
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


@contextmanager
def _mounted(*options: str, folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("only root can mount file systems")
    mounting = ["mount", *options, str(folder)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode != 0:
        pytest.skip(f"this machine cannot {' '.join(mounting)}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
