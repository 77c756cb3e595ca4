"""A folder of configs: who may be named, what is kept, and what is never overwritten."""

from __future__ import annotations

import os
import stat
import time
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qbm.config.folder import ConfigFolder
from qbm.config.loading import LARGEST
from qbm.config.problem import printable
from qbm.config.refusals import (
    AlreadyThere,
    ChangedMeanwhile,
    NameRefused,
    NameReserved,
    NoSuchConfig,
    NotEditable,
    NotReadable,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
TEXT = "qbt:\n  host: x\n"

OUTSIDE = [
    *("", ".", "..", "../config.yml", "..\\config.yml", "/etc/passwd", "/config.yml", "sub/a.yml"),
    *(
        "sub\\a.yml",
        "C:a.yml",
        "a.yml\0",
        "a\0.yml",
        "a\n.yml",
        "\x1b[31m.yml",
        "a.yml/",
        "./a.yml",
    ),
    *("a..yml", "..yml", ".hidden.yml", "config", "config.txt", "config.yml.bak", "qbm.db", ".yml"),
    *("con.yml", "NUL.yaml", "Lpt1.x.yml", "com¹.yml", "a.yml ", " a.yml", "a.yml.", "a*.yml"),
    *(
        "․․／config.yml",
        "a∕b\u2044c／d.yml",
        "‥.yml",
        "a\u202elmy.yml",
        "a\u200b.yml",
        "\ud800.yml",
    ),
    *(f"{'a' * 300}.yml", f"{'ä' * 120}.yml", "a:b.yml", "%2e%2e%2fa.yml/", "~/a.yml"),
]
RESERVED = [
    *("qbm_settings", "schedule", "secrets", "credentials", "auth", "keys", "passwords"),
    *("QBM_Settings", "ＳＥＣＲＥＴＳ", "ſecrets", "secrets "),
]


@pytest.fixture
def folder(tmp_path: Path) -> ConfigFolder:
    path = tmp_path / "configs"
    path.mkdir()
    return ConfigFolder(path, lambda: NOW)


def make(folder: ConfigFolder, *names: str) -> None:
    for name in names:
        (folder.path / name).write_text(TEXT, encoding="utf-8")


def held(folder: ConfigFolder) -> dict[str, bytes]:
    """All files below the folder."""
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder.path)): path.read_bytes() for path in files}


# Names


def test_the_configs_of_a_folder_are_told_in_order_without_what_lies_beside(
    folder: ConfigFolder,
) -> None:
    make(
        folder, "b.yml", "config.yml", "a.YAML", "qbm_settings.yml", "keys.yaml", ".x.yml", "n.txt"
    )
    (folder.path / "folder.yml").mkdir()
    assert folder.names() == ("a.YAML", "b.yml", "config.yml")
    assert folder.default() == "config.yml"
    (folder.path / "config.yml").unlink()
    assert folder.default() == "a.YAML"


@pytest.mark.parametrize("name", ["star*.yml", "\x1b[31mred.yml", "two..dots.yml", "nul.yml"])
def test_a_file_whose_name_is_refused_is_not_told_but_why(folder: ConfigFolder, name: str) -> None:
    make(folder, "b.yml", name)
    assert folder.names() == ("b.yml",)
    assert folder.matching("*") == (folder.path / "b.yml",)
    (refused,) = folder.left_out()
    assert str(refused).startswith(printable(name))
    assert str(refused).isprintable()


def test_a_folder_that_is_missing_has_no_configs(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path / "none")
    assert folder.names() == ()
    assert folder.default() is None
    assert folder.backups("config.yml") == ()
    with pytest.raises(NoSuchConfig):
        folder.read("config.yml")


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_is_not_plainly_inside_is_refused(folder: ConfigFolder, name: str) -> None:
    make(folder, "config.yml")
    before = held(folder)
    for act in (
        folder.path_of,
        folder.read,
        folder.delete,
        folder.back_up,
        folder.backups,
        folder.read_backup,
        lambda name: folder.create(name, TEXT),
        lambda name: folder.save(name, TEXT),
        *(() if "*" in name else (folder.matching,)),
    ):
        with pytest.raises(NameRefused) as caught:
            act(name)
        assert str(caught.value).isprintable()
        assert str(caught.value).encode()
    assert held(folder) == before


@pytest.mark.parametrize("stem", RESERVED)
@pytest.mark.parametrize("suffix", [".yml", ".YAML"])
def test_files_that_lie_beside_configs_cannot_be_named(
    folder: ConfigFolder, stem: str, suffix: str
) -> None:
    name = f"{stem}{suffix}"
    make(folder, name)
    for act in (folder.read, folder.delete, folder.matching):
        with pytest.raises(NameReserved):
            act(name)
    with pytest.raises(NameReserved):
        folder.read_backup(f"{stem}_20260101_000000_000000{suffix}")


@pytest.mark.parametrize(
    "name",
    [
        *("config.yml", "My Server.yaml", "häuser.yml", "家.yml", "a.b.yml", "-x.yml", "~a.yml"),
        *("connor.yml", "$HOME.yml", "a'b\"c.yml", "😀.yml", unicodedata.normalize("NFD", "ä.yml")),
    ],
)
def test_names_as_people_give_them_are_taken(folder: ConfigFolder, name: str) -> None:
    assert folder.create(name, TEXT).name == name
    assert folder.names() == (name,)
    assert folder.matching(name) == (folder.path / name,)
    backup = folder.delete(name)
    assert folder.read_backup(backup.name).text == TEXT


def test_a_pattern_means_the_configs_that_fit_in_order(folder: ConfigFolder) -> None:
    make(folder, "b.yml", "a1.yml", "a2.yml", "a.yaml", "auth.yml", ".a.yml", "abc.yml")
    path = folder.path
    assert folder.matching("*") == tuple(
        path / name for name in ("a.yaml", "a1.yml", "a2.yml", "abc.yml", "b.yml")
    )
    assert folder.matching("a*.yml") == (path / "a1.yml", path / "a2.yml", path / "abc.yml")
    assert folder.matching("*b*.yml") == (path / "abc.yml", path / "b.yml")
    assert folder.matching("a*c.yml") == (path / "abc.yml",)
    for nothing in ("c*.yml", "auth*", "abc*bc.yml", "*.txt", ".*"):
        with pytest.raises(NoSuchConfig):
            folder.matching(nothing)
    for outside in ("../*", "*/a.yml", "*\0", "\\*", "..*", "*" * 500):
        with pytest.raises(NameRefused):
            folder.matching(outside)


def test_a_pattern_of_many_stars_takes_no_time(folder: ConfigFolder) -> None:
    make(folder, "a" * 150 + ".yml")
    began = time.monotonic()
    with pytest.raises(NoSuchConfig):
        folder.matching("*a" * 90 + "*b.yml")
    assert time.monotonic() - began < 1


# Links


def test_a_link_that_leads_out_is_no_config(folder: ConfigFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_text(TEXT)
    make(folder, "qbm_settings.yml")
    (folder.path / ".backups").mkdir()
    (folder.path / ".backups/a_20260101_000000_000000.yml").write_text(TEXT)
    links = {
        "out.yml": outside,
        "up.yml": Path("../outside.yml"),
        "reserved.yml": Path("qbm_settings.yml"),
        "backup.yml": Path(".backups/a_20260101_000000_000000.yml"),
    }
    for name, leads_to in links.items():
        (folder.path / name).symlink_to(leads_to)
    assert folder.names() == ()
    for name in links:
        for act in (folder.read, folder.delete, folder.matching, folder.back_up):
            with pytest.raises(NameRefused):
                act(name)
        with pytest.raises(NameRefused):
            folder.save(name, "changed")
        with pytest.raises(AlreadyThere):
            folder.create(name, "changed")
    with pytest.raises(NoSuchConfig):
        folder.matching("*")
    assert outside.read_text() == TEXT


def test_a_link_inside_the_folder_stays_one_when_its_file_is_replaced(folder: ConfigFolder) -> None:
    (folder.path / "..data").mkdir()
    real = folder.path / "..data" / "real.yml"
    real.write_text(TEXT)
    link = folder.path / "config.yml"
    link.symlink_to("..data/real.yml")
    backup = folder.save("config.yml", "new: 1\n")
    assert link.is_symlink()
    assert real.read_text() == "new: 1\n"
    assert backup is not None
    assert folder.backups("config.yml") == (backup,)
    folder.delete("config.yml")
    assert not link.is_symlink()
    assert real.exists()


def test_links_to_nothing_and_in_circles_are_not_there(folder: ConfigFolder) -> None:
    (folder.path / "gone.yml").symlink_to("nothing.yml")
    (folder.path / "circle.yml").symlink_to("circle.yml")
    for name in ("gone.yml", "circle.yml"):
        with pytest.raises(NoSuchConfig):
            folder.read(name)
        with pytest.raises(AlreadyThere):
            folder.create(name, TEXT)


def test_a_backup_that_is_a_link_is_not_followed(folder: ConfigFolder, tmp_path: Path) -> None:
    (tmp_path / "outside.yml").write_text("secret: 1\n")
    (folder.path / ".backups").mkdir()
    name = "a_20260101_000000_000000.yml"
    (folder.path / ".backups" / name).symlink_to(tmp_path / "outside.yml")
    assert folder.backups("a.yml") == ()
    with pytest.raises(NotReadable):
        folder.read_backup(name)


# Reading


def test_a_file_is_read_exactly(folder: ConfigFolder) -> None:
    raw = "\ufeffa: ä\r\nb: 1".encode()
    path = folder.path / "a.yml"
    path.write_bytes(raw)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    file = folder.read("a.yml")
    assert file.text.encode() == raw
    assert (file.name, file.path, file.size) == ("a.yml", path, len(raw))
    assert file.last_modified == datetime.fromtimestamp(1_700_000_000, UTC)
    assert file.digest == folder.read("a.yml").digest


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"\xff\xfea\x00", "UTF-16"),
        (b"a: \xe4\n", "not UTF-8"),
        (b"#" * (LARGEST + 1), "too large"),
    ],
)
def test_a_file_that_is_no_text_is_not_read(folder: ConfigFolder, raw: bytes, told: str) -> None:
    (folder.path / "a.yml").write_bytes(raw)
    with pytest.raises(NotReadable, match=told):
        folder.read("a.yml")


def test_a_pipe_is_no_config(folder: ConfigFolder) -> None:
    os.mkfifo(folder.path / "a.yml")
    with pytest.raises(NoSuchConfig):
        folder.read("a.yml")


# Changing


def test_a_new_config_can_be_read_by_its_owner_alone(folder: ConfigFolder) -> None:
    made = folder.create("new.yml", TEXT)
    assert made == folder.read("new.yml")
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert held(folder) == {"new.yml": TEXT.encode()}


def test_a_config_that_is_there_is_not_made_anew(folder: ConfigFolder) -> None:
    make(folder, "a.yml")
    (folder.path / "folder.yml").mkdir()
    for name in ("a.yml", "folder.yml"):
        with pytest.raises(AlreadyThere, match=name):
            folder.create(name, "other: 1\n")
    assert held(folder) == {"a.yml": TEXT.encode()}


def test_a_save_keeps_what_was_there_before_and_its_permissions(folder: ConfigFolder) -> None:
    make(folder, "a.yml")
    path = folder.path / "a.yml"
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    owner = (path.stat().st_uid, path.stat().st_gid)
    backup = folder.save("a.yml", "new: ä\r\n", folder.read("a.yml").digest)
    assert backup is not None
    assert backup.name == "a_20260301_120000_000005.yml"
    assert (backup.made_at, backup.size) == (NOW, len(TEXT))
    assert held(folder) == {
        "a.yml": "new: ä\r\n".encode(),
        f".backups/{backup.name}": TEXT.encode(),
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (path.stat().st_uid, path.stat().st_gid) == owner
    assert stat.S_IMODE(backup.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(backup.path.parent.stat().st_mode) == 0o700


def test_saved_unchanged_a_file_is_not_written(folder: ConfigFolder) -> None:
    make(folder, "a.yml")
    before = (folder.path / "a.yml").stat()
    assert folder.save("a.yml", TEXT) is None
    after = (folder.path / "a.yml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert held(folder) == {"a.yml": TEXT.encode()}


def test_a_file_that_changed_since_it_was_read_is_not_replaced(folder: ConfigFolder) -> None:
    make(folder, "a.yml")
    digest = folder.read("a.yml").digest
    (folder.path / "a.yml").write_text("by: an editor\n")
    with pytest.raises(ChangedMeanwhile, match="Load it again"):
        folder.save("a.yml", "new: 1\n", digest)
    assert held(folder) == {"a.yml": b"by: an editor\n"}


def test_a_text_that_cannot_be_stored_is_refused(folder: ConfigFolder) -> None:
    make(folder, "a.yml")
    for text in ("\ud800", "#" * (LARGEST + 1)):
        with pytest.raises(NotEditable):
            folder.save("a.yml", text)
        with pytest.raises(NotEditable):
            folder.create("b.yml", text)
    assert held(folder) == {"a.yml": TEXT.encode()}


def test_a_deleted_config_can_be_had_from_its_backup(folder: ConfigFolder) -> None:
    make(folder, "a.yml")
    backup = folder.delete("a.yml")
    assert folder.names() == ()
    assert folder.backups("a.yml") == (backup,)
    assert folder.read_backup(backup.name).text == TEXT


def test_what_a_killed_program_left_is_swept_away_later(folder: ConfigFolder) -> None:
    make(folder, "a.yml", ".a.yml.0000.tmp", ".a.yml.1111.tmp")
    os.utime(folder.path / ".a.yml.0000.tmp", (0, 0))
    folder.save("a.yml", "new: 1\n")
    names = {path.name for path in folder.path.iterdir() if path.is_file()}
    assert names == {"a.yml", ".a.yml.1111.tmp"}


# Backups


def test_backups_within_one_moment_do_not_collide_and_thirty_are_kept(folder: ConfigFolder) -> None:
    make(folder, "a.yml", "a_b.yml", "a.yaml")
    others = [folder.back_up("a_b.yml"), folder.back_up("a.yaml")]
    made = []
    for number in range(35):
        (folder.path / "a.yml").write_text(f"n: {number}\n")
        made.append(folder.back_up("a.yml"))
    assert folder.backups("a.yml") == tuple(made[:4:-1])
    assert sorted(each.name for each in made) == [each.name for each in made]
    assert [folder.read_backup(each.name).text for each in made[-2:]] == ["n: 33\n", "n: 34\n"]
    assert [*folder.backups("a_b.yml"), *folder.backups("a.yaml")] == others
    assert len(list((folder.path / ".backups").iterdir())) == 32


def test_a_clock_that_goes_back_does_not_let_the_new_backup_go(tmp_path: Path) -> None:
    times = iter([NOW, NOW - timedelta(days=1)])
    folder = ConfigFolder(tmp_path, lambda: next(times))
    make(folder, "a.yml")
    first = folder.back_up("a.yml")
    second = folder.back_up("a.yml")
    assert folder.backups("a.yml") == (second, first)


def test_backups_of_the_older_tool_are_listed_and_read(folder: ConfigFolder) -> None:
    (folder.path / ".backups").mkdir()
    for name in (
        "a_20250101_000000.yml",
        "a_99999999_999999.yml",
        "a.yml",
        "b_20250101_000000.yml",
    ):
        (folder.path / ".backups" / name).write_text(TEXT)
    (old,) = folder.backups("a.yml")
    assert old.name == "a_20250101_000000.yml"
    assert old.made_at == datetime(2025, 1, 1).astimezone()
    assert folder.read_backup(old.name).text == TEXT


@pytest.mark.parametrize(
    "name", ["a.yml", "a_2025.yml", "../a_20250101_000000.yml", "x/a_20250101_000000_000000.yml"]
)
def test_what_is_no_backups_name_is_refused(folder: ConfigFolder, name: str) -> None:
    make(folder, "a.yml")
    with pytest.raises(NameRefused):
        folder.read_backup(name)


def test_a_backup_that_is_not_there_is_told_by_its_name(folder: ConfigFolder) -> None:
    with pytest.raises(NoSuchConfig, match="a_20250101_000000_000000"):
        folder.read_backup("a_20250101_000000_000000.yml")
