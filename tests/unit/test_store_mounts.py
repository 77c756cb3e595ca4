"""WAL on local disks, TRUNCATE where processes share no memory."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from qbm.store.database import engine_for
from qbm.store.mounts import JournalMode, file_system, journal_mode

MOUNTS = r"""
/dev/sda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
nas:/export /mnt/nas nfs4 rw,vers=4.2 0 0
/dev/sdb1 /mnt/nas/local xfs rw 0 0
//nas/share /mnt/win\040share cifs rw 0 0
mergerfs /mnt/pool fuse.mergerfs rw 0 0
/dev/sdc1 /mnt/ntfs fuseblk rw 0 0
C:\134 /mnt/c 9p rw 0 0
tmpfs /mnt/over tmpfs rw 0 0
nas:/over /mnt/over nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind", "mode"),
    [
        ("/home/me/qbm.db", "ext4", JournalMode.WAL),
        ("/mnt/nas/qbm.db", "nfs4", JournalMode.TRUNCATE),
        ("/mnt/nas", "nfs4", JournalMode.TRUNCATE),
        ("/mnt/nas/local/qbm.db", "xfs", JournalMode.WAL),
        ("/mnt/nasty/qbm.db", "ext4", JournalMode.WAL),
        ("/mnt/win share/qbm.db", "cifs", JournalMode.TRUNCATE),
        ("/mnt/pool/config/qbm.db", "fuse.mergerfs", JournalMode.TRUNCATE),
        ("/mnt/ntfs/qbm.db", "fuseblk", JournalMode.TRUNCATE),
        ("/mnt/c/qbm.db", "9p", JournalMode.TRUNCATE),
        ("/mnt/over/qbm.db", "nfs", JournalMode.TRUNCATE),
    ],
)
def test_the_nearest_mount_decides(path: str, kind: str, mode: JournalMode) -> None:
    assert file_system(PurePosixPath(path), MOUNTS) == kind
    assert journal_mode(PurePosixPath(path), MOUNTS) is mode


def test_a_system_without_a_mount_table_uses_wal() -> None:
    assert journal_mode(PurePosixPath("/Users/me/qbm.db"), "") is JournalMode.WAL


@pytest.mark.parametrize("mode", JournalMode)
def test_a_database_that_has_moved_changes_its_mode(tmp_path: Path, mode: JournalMode) -> None:
    for wanted in (mode, *JournalMode, mode):
        engine = engine_for(tmp_path / "qbm.db", wanted)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS written (once)")
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == wanted
        engine.dispose()
