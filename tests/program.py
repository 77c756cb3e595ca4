"""Run the program as people do: a process of its own, a config file, an exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

import requests
from ruamel.yaml import YAML

from tests.lab.ports import free_port

ROOT = Path(__file__).parents[1]
_QUIET = ("QBT_", "QBM_", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "NO_COLOR")
_SERVE_SECONDS = 60.0
_END_SECONDS = 30.0
_POLL_SECONDS = 0.05


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


class Door(StrEnum):
    """By which door the program is to serve."""

    QBM = "qbm serve"
    CLASSIC = "qbit_manage.py --web-server"

    @property
    def words(self) -> list[str]:
        """The words of that call, without flags."""
        if self is Door.QBM:
            return [sys.executable, "-m", "qbm", "serve"]
        return [sys.executable, str(ROOT / "qbit_manage.py"), "--web-server"]


@dataclass(slots=True)
class Served:
    """The program as a server of its own on the configs in ``folder``, for a ``with`` block.

    It listens on loopback at ``port``; ``base_url`` is what it is told with ``--base-url``. It can
    be stopped or killed, and started again on the same folder and port.
    """

    folder: Path
    flags: tuple[str, ...] = ()
    door: Door = Door.QBM
    base_url: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None
    _errors: IO[bytes] = field(default_factory=TemporaryFile)

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    @property
    def run_command(self) -> str:
        """Where runs are asked for."""
        return f"{self.url}/api/run-command"

    @property
    def pid(self) -> int:
        """Its process id; of the last one, if it has ended."""
        assert self._process
        return self._process.pid

    @property
    def errors(self) -> str:
        """What it has printed so far on standard error, over all its starts."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    @property
    def log(self) -> str:
        """Its log file."""
        return (self.folder / "logs/qbit_manage.log").read_text(encoding="utf-8")

    def run(self, *commands: str, **fields: Any) -> requests.Response:
        """Ask for these commands by run-command, and wait for the answer."""
        body = {"commands": list(commands), **fields}
        return requests.post(self.run_command, json=body, timeout=120)

    def start(self) -> Self:
        """Start it, and wait until it answers.

        Raises:
            AssertionError: it ended, or does not answer.
        """
        words = [
            *self.door.words,
            *("--config-dir", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)),
            *(("--base-url", self.base_url) if self.base_url else ()),
            *self.flags,
        ]
        self._process = subprocess.Popen(
            words,
            env=environment(**self.variables),
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            process_group=0,  # Ctrl-C at a terminal is for whoever started it, who ends it then
        )
        deadline = time.monotonic() + _SERVE_SECONDS
        while not self._answers():
            is_over = self._process.poll() is not None or time.monotonic() > deadline
            assert not is_over, f"it does not serve:\n{self.errors[-2000:]}"
            time.sleep(_POLL_SECONDS)
        return self

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and wait for that; its exit status. One that has ended stays so."""
        assert self._process
        self._process.send_signal(by)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end, asked for by whomever; its exit status. Kills it if need be."""
        assert self._process
        try:
            return self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        self._errors.close()

    def _answers(self) -> bool:
        try:
            requests.get(f"{self.url}/api/version", timeout=_SERVE_SECONDS)
        except requests.ConnectionError:
            return False
        return True


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
