"""kill -9 and full disks: a config is the old one or the new one, and never a part of either."""

from __future__ import annotations

import random
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qbm.config.folder import ConfigFolder
from tests.faults.config_program import NEW, OLD
from tests.program import ROOT

PROGRAM = [sys.executable, "-m", "tests.faults.config_program"]


def killed(act: str, folder: Path) -> list[Path]:
    """A folder per call to the system at which the act was killed, and the last, where it ended."""
    subprocess.run([*PROGRAM, "die", act, str(folder)], cwd=ROOT, check=True, timeout=120)
    paths = [path for path in folder.iterdir() if path.name.isdigit()]
    return sorted(paths, key=lambda path: int(path.name))


def texts(path: Path) -> dict[str, str]:
    """What the configs in a folder hold, and their backups as one: the old, the new, or less."""
    folder = ConfigFolder(path)
    found = {name: named(folder.read(name).text) for name in folder.names()}
    for each in (*folder.backups("config.yml"), *folder.backups("new.yml")):
        found["a backup"] = named(folder.read_backup(each.name).text)
    return found


def named(text: str) -> str:
    return {OLD: "old", NEW: "new"}.get(text) or f"something else, of length {len(text)}"


def test_a_save_killed_anywhere_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    seen = [texts(path) for path in killed("save", tmp_path)]
    unsaved = {"config.yml": "old"}
    kept = {"config.yml": "old", "a backup": "old"}
    saved = {"config.yml": "new", "a backup": "old"}
    assert seen == sorted(seen, key=[unsaved, kept, saved].index)
    assert unsaved in seen
    assert kept in seen
    assert seen[-1] == saved


def test_a_delete_killed_anywhere_has_kept_what_it_deleted(tmp_path: Path) -> None:
    seen = [texts(path) for path in killed("delete", tmp_path)]
    states = [{"config.yml": "old"}, {"config.yml": "old", "a backup": "old"}, {"a backup": "old"}]
    assert seen == sorted(seen, key=states.index)
    assert seen[-1] == states[-1]


def test_a_new_config_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    seen = [texts(path) for path in killed("create", tmp_path)]
    states = [{"config.yml": "old"}, {"config.yml": "old", "new.yml": "new"}]
    assert seen == sorted(seen, key=states.index)
    assert seen[-1] == states[-1]


def test_after_a_kill_the_next_save_goes_through(tmp_path: Path) -> None:
    for path in killed("save", tmp_path):
        folder = ConfigFolder(path)
        folder.save("config.yml", "mended: 1\n")
        assert folder.read("config.yml").text == "mended: 1\n"


@pytest.mark.parametrize("seed", range(4))
def test_a_server_killed_while_it_saves_has_one_of_both_files(tmp_path: Path, seed: int) -> None:
    (tmp_path / "config.yml").write_text(OLD)
    command = [*PROGRAM, "save_on", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(random.Random(seed).randint(1, 60)):
            child.stdout.readline()
        child.kill()
        assert child.wait() == -signal.SIGKILL
    folder = ConfigFolder(tmp_path)
    assert folder.read("config.yml").text in (OLD, NEW)
    kept = {folder.read_backup(each.name).text for each in folder.backups("config.yml")}
    assert kept <= {OLD, NEW}


def test_a_full_disk_is_told_and_leaves_everything_as_it_was(tmp_path: Path) -> None:
    unshare = ["unshare", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("this user may not mount in a namespace (unshare)")
    mount = f"mount -t tmpfs -o size=400k none {shlex.quote(str(tmp_path))}"
    script = f"{mount} && exec {shlex.join([*PROGRAM, 'starve', str(tmp_path)])}"
    command = [*unshare, "sh", "-c", script]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    for number, act in enumerate(("save", "delete", "create")):
        told, *left = said[3 * number : 3 * number + 3]
        assert told.startswith(f"{act}: NotWritable: "), told
        assert "No space left on device. Nothing has changed. Free some space" in told
        assert left == ["old text: True", "files: config.yml filler"]
    assert said[9:] == ["new text: True"]
