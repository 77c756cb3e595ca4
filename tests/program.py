"""Run the program as people do: a process of its own, a config file, an exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
_QUIET = ("QBT_", "QBM_", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "NO_COLOR")


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended: its exit status and what it printed."""

    status: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.output)


def environment(**variables: str) -> dict[str, str]:
    """This process's variables without those that steer the program, and ``variables``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_QUIET)}
    return {**kept, **variables}


def write_config(folder: Path, sections: Mapping[str, Any], name: str = "config.yml") -> Path:
    """A config file with these sections."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(dict(sections), stream)
    return path


def classic(folder: Path, *flags: str, **variables: str) -> Ended:
    """``python qbit_manage.py --run`` on the configs in ``folder``."""
    return _run(classic_command(folder, *flags), variables)


def classic_command(folder: Path, *flags: str) -> list[str]:
    """The words of that call, for tests that start it themselves."""
    script = str(ROOT / "qbit_manage.py")
    return [sys.executable, script, "--run", "--config-dir", str(folder), *flags]


def qbm(*words: str, **variables: str) -> Ended:
    """``qbm`` with these words."""
    return _run([sys.executable, "-m", "qbm", *words], variables)


def _run(command: list[str], variables: Mapping[str, str]) -> Ended:
    done = subprocess.run(
        command,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
