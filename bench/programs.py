"""The two programs that are compared: where they are, and how a user calls them.

The older one is a black box: installed from its registry into a virtual environment of its
own, called by its own command line, never imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMANDS = ("--cat-update", "--tag-update")
_OLDER_VENV = ROOT / ".bench/venv"
_OLDER_PINS = Path(__file__).with_name("older.txt")


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two; ``command`` lacks only the config folder."""

    name: str
    version: str
    python: Path
    command: tuple[str, ...]

    def with_config(self, folder: Path, commands: Sequence[str] = COMMANDS) -> list[str]:
        """The whole command: one run of ``commands`` (flags) on the config in ``folder``."""
        return [str(self.python), *self.command, "--run", *commands, "--config-dir", str(folder)]


def ours() -> Program:
    """This project, by its classic door, compiled."""
    python = Path(sys.executable)
    _compile(python, ROOT / "src", ROOT / "qbit_manage.py", Path(sysconfig.get_path("purelib")))
    return _warmed(Program("ours", _described(), python, (str(ROOT / "qbit_manage.py"),)))


def older() -> Program:
    """The older tool, compiled; installed now if it is not there yet.

    Raises:
        subprocess.CalledProcessError: it cannot be installed; pip has said why.
    """
    python = _OLDER_VENV / "bin/python"
    wanted = f"{_OLDER_PINS.read_text(encoding='utf-8')}# {sys.version}\n"
    ready = _OLDER_VENV / ".ready"
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        _install(python)
        ready.write_text(wanted, encoding="utf-8")
    version = _installed_version(python, "qbit-manage")
    return _warmed(Program("older", version, python, (str(_OLDER_VENV / "bin/qbit-manage"),)))


def environment() -> Mapping[str, str]:
    """What both run in: a user's variables steer neither, and compiled modules are used."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("QBT_", "QBM_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    # The older tool refuses servers newer than itself.
    return kept | {"QBT_SKIP_QB_VERSION_CHECK": "true"}


def _warmed(program: Program) -> Program:
    """The program, its files read once, so that no round pays for a cold disk."""
    _run(program.python, *program.command, "--version")
    return program


def _install(python: Path) -> None:
    print(
        f"installing {_OLDER_PINS.read_text(encoding='utf-8').strip()} into .bench/venv", flush=True
    )
    venv.create(_OLDER_VENV, clear=True, with_pip=True)
    # Errors only: each package index of a machine that lacks a package would get a warning.
    quietly = ("--quiet", "--quiet", "--disable-pip-version-check")
    _run(python, "-m", "pip", "install", *quietly, "--requirement", str(_OLDER_PINS))
    _compile(python, _OLDER_VENV / "lib")


def _installed_version(python: Path, distribution: str) -> str:
    code = f"import importlib.metadata; print(importlib.metadata.version({distribution!r}))"
    return _run(python, "-c", code)


def _described() -> str:
    """The commit, with ``-dirty`` where files differ from it; "" outside a clone."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()


def _compile(python: Path, *places: Path) -> None:
    _run(python, "-m", "compileall", "-q", *map(str, places))


def _run(python: Path, *arguments: str) -> str:
    told = subprocess.run(
        [str(python), *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return told.stdout.strip()
