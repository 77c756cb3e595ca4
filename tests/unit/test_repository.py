"""What the repository itself promises: pins without hosts or paths, nothing built in."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from qbm.commands.registry import RUN_ORDER

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["dev.txt", "runtime.txt"])
def test_every_pin_has_hashes_and_names_no_host_or_path(name: str) -> None:
    text = (_ROOT / "requirements" / name).read_text(encoding="utf-8")
    pins = re.findall(r"^(\S+)==\S+((?:.*\\\n)*.*)", text, flags=re.MULTILINE)
    assert len(pins) > 20
    assert all("--hash=sha256:" in rest for _, rest in pins)
    assert not re.search(r"://|^-|find-links|file:", text, flags=re.MULTILINE)


def test_what_is_shipped_is_what_was_tested() -> None:
    def pinned(name: str) -> set[str]:
        text = (_ROOT / "requirements" / name).read_text(encoding="utf-8")
        return set(re.findall(r"^(\S+==\S+)", text, flags=re.MULTILINE))

    assert pinned("runtime.txt") <= pinned("dev.txt")


def test_every_command_is_kept_from_importing_the_others() -> None:
    text = (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contract = text.partition('name = "Commands do not import each other"')[2]
    rooms = (command.plan.__module__.split(".")[:3] for command in RUN_ORDER)
    modules = {".".join(room) for room in rooms}
    assert modules <= set(re.findall(r'"([\w.]+)"', contract))


def test_no_committed_file_names_this_machines_folders() -> None:
    tracked = subprocess.run(
        ["git", "grep", "-IlF", "--", f"{_ROOT}/"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tracked.stdout == ""
