"""Runs of ``qbm`` that are killed at one of the many instants at which they change something.

Such an instant is: right before and right after a commit; right before anything that makes,
writes, renames or deletes a file or a folder (so right after the one before it). They are
told by SQLAlchemy and by the interpreter's own audit events, so what somebody adds to a
removal is covered without anybody remembering. Run as a program, this forks one run for
each line on standard input, which spares it the start of Python, and answers with a line.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_NOTHING_CHANGED = frozenset(
    {
        *("os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.getxattr", "os.listxattr"),
        *("os.kill", "os.killpg", "os.putenv", "os.unsetenv", "os.chdir", "os.fchdir"),
        *("os.fork", "os.register_at_fork", "os.add_dll_directory", "os.lockf"),
    }
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_MODULES = ("qbm.bootstrap.wiring", "qbm.cli.terminal", "qbm.store", "qbm.engine.run")
_PIECE, _LARGE = "os.write of a large piece", 1 << 20
_LONGER = 0.2
"""Seconds for which a write takes longer after Ctrl-C, as that of a large file would."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: its exit status (as ``subprocess`` has it), and what it printed.

    ``at`` is the instant at which it was killed or interrupted; "" if it never came to it.
    """

    status: int
    at: str
    output: str

    @property
    def was_killed(self) -> bool:
        """By SIGKILL."""
        return self.status == -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Runs:
    """Forks runs, in a process of its own."""

    process: subprocess.Popen[str]

    def killed(self, number: int, words: Sequence[str]) -> Ending:
        """``qbm`` with ``words``, killed at the ``number``-th instant (from 1)."""
        return self._ending({"words": words, "number": number})

    def killed_at(self, instant: str, words: Sequence[str]) -> Ending:
        """The same, killed at the first instant whose name begins with ``instant``."""
        return self._ending({"words": words, "number": 1, "only": instant})

    def killed_in_a_copy(self, words: Sequence[str]) -> Ending:
        """The same, killed right before the second piece of a file is written."""
        return self._ending({"words": words, "number": 2, "only": _PIECE})

    def interrupted_in_a_copy(self, words: Sequence[str]) -> Ending:
        """The same, with Ctrl-C at that instant."""
        return self._ending({"words": words, "number": 2, "only": _PIECE, "by": "SIGINT"})

    def interrupted_at(self, instant: str, words: Sequence[str]) -> Ending:
        """The same, with Ctrl-C at the first instant whose name begins with ``instant``."""
        return self._ending({"words": words, "number": 1, "only": instant, "by": "SIGINT"})

    def whole(self, words: Sequence[str]) -> Ending:
        """The same, left alone."""
        return self._ending({"words": words, "number": 0})

    def _ending(self, asked: dict[str, Any]) -> Ending:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{json.dumps(asked)}\n")
        self.process.stdin.flush()
        return Ending(**json.loads(self.process.stdout.readline()))


@contextmanager
def forked_runs(environment: dict[str, str]) -> Iterator[Runs]:
    """The program that forks, for the block."""
    with subprocess.Popen(
        [sys.executable, __file__],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Runs(process)


def main() -> None:
    """Answer each line with how the run that it asks for has ended."""
    for module in _MODULES:
        importlib.import_module(module)
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as printed:
            child = os.fork()
            if not child:
                _run(asked, told.fileno(), printed.fileno())
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said = [_text_of(file) for file in (told, printed)]
        print(json.dumps({"status": status, "at": said[0], "output": said[1]}), flush=True)


def _text_of(file: Any) -> str:
    file.seek(0)
    text: str = file.read().decode(errors="replace")
    return text


def _run(asked: dict[str, Any], told: int, printed: int) -> None:
    """Be ``qbm``; never returns."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor in (1, 2):
        os.dup2(printed, descriptor)
    _arm(asked["number"], told, asked.get("only", ""), signal.Signals[asked.get("by", "SIGKILL")])
    sys.argv = ["qbm", *asked["words"]]
    from qbm.bootstrap import main as qbm  # noqa: PLC0415 - the parent only forks

    status = 1
    try:
        status = qbm()
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _arm(number: int, told: int, only: str, by: signal.Signals) -> None:
    """Have this process get ``by`` at the ``number``-th instant whose name begins ``only``."""
    seen = itertools.count(1)
    write = os.write

    def instant(name: str) -> None:
        if name.startswith(only) and next(seen) == number:
            write(told, name.encode(errors="replace"))
            os.kill(os.getpid(), by)
            time.sleep(_LONGER)

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if _changes_files(event, arguments):
            instant(f"{event} {arguments[0]!r}")

    def writing(descriptor: int, piece: Any) -> int:
        instant(_PIECE if len(piece) >= _LARGE else "os.write")
        return write(descriptor, piece)

    _tell_of_commits(instant)
    os.write = writing
    sys.addaudithook(on_event)


def _changes_files(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        _, _, flags = arguments
        return bool(flags & _WRITING)
    return event.startswith("os.") and event not in _NOTHING_CHANGED


def _tell_of_commits(instant: Callable[[str], None]) -> None:
    from sqlalchemy import Connection, Engine, event  # noqa: PLC0415 - only the child needs it

    def on_commit(connection: Connection) -> None:
        instant("before a commit")
        # SQLAlchemy tells of a commit before it asks the driver for it.
        connection.connection.commit()
        instant("after a commit")

    event.listen(Engine, "commit", on_commit)


if __name__ == "__main__":
    sys.path[0] = str(_ROOT)
    main()
