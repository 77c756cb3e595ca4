"""The older tool with its web server on loopback, as a black box: started, asked, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.programs import Program, environment

from tests.lab.ports import free_port

_START_SECONDS = 60.0
_POLL_SECONDS = 0.1
_ANSWER_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Tool:
    """One running older tool on the configs in ``folder``; it runs for a ``with`` block.

    Its scheduler works off every config once as soon as it is up, as it does for its users.
    """

    program: Program
    folder: Path
    flags: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """One request with exactly these headers, beside ``Host`` and ``Content-Length``."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
        finally:
            connection.close()

    def __enter__(self) -> Self:
        words = ("--web-server", "--host", "127.0.0.1", "--port", str(self.port), *self.flags)
        with (self.folder.parent / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(str(self.program.python), *self.program.command, *words),
                    *("--config-dir", str(self.folder)),
                ],
                cwd=self.folder.parent,
                env={**environment(), "HOME": str(self.folder.parent)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process
        # It runs its web server in a child, which would outlive it: the whole group ends. By
        # itself that takes half a minute, and there is nothing worth waiting for.
        with suppress(ProcessLookupError):  # both have ended already
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._process
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the older tool does not answer; see {self.folder.parent}")
            time.sleep(_POLL_SECONDS)

    def _answers(self) -> bool:
        try:
            self.ask("GET", "/api/version", {}, None)
        except (OSError, HTTPException):
            return False
        return True
