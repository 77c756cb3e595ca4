"""Kill a program with SIGKILL at each of its database commits, without a hook in it.

The child runs a target and counts what SQLAlchemy commits; at the chosen commit it kills
itself, right before or right after. The driver goes on to the next point until a child ends
by itself, so a journal write that somebody adds is covered without anybody remembering::

    for point in kills("qbm", ["run", "--config-dir", str(folder)]):
        ...  # the child was killed at ``point``: run undisturbed, compare, put all back
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Self

_ROOT = Path(__file__).resolve().parents[2]


class Side(StrEnum):
    """On which side of a commit the program dies."""

    BEFORE = "before"
    AFTER = "after"


class KillPoint(NamedTuple):
    """The ``commit``-th commit (from 1) of a program, and the side of it."""

    side: Side
    commit: int

    def __str__(self) -> str:
        return f"{self.side}:{self.commit}"

    @classmethod
    def parse(cls, text: str) -> Self:
        side, _, commit = text.partition(":")
        return cls(Side(side), int(commit))


def kill_points() -> Iterator[KillPoint]:
    """Before and after the first commit, the second, and so on without end."""
    for commit in itertools.count(1):
        yield KillPoint(Side.BEFORE, commit)
        yield KillPoint(Side.AFTER, commit)


def killing(point: KillPoint, target: str, arguments: Sequence[str]) -> list[str]:
    """The command line of a child that dies at ``point``.

    ``target`` is ``qbm`` or ``module:function`` (called without arguments, with ``arguments``
    in ``sys.argv[1:]``; an integer it returns is the exit code).
    """
    return [sys.executable, __file__, str(point), target, *arguments]


def kills(
    target: str,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    seconds: float = 60,
    points: Iterable[KillPoint] | None = None,
) -> Iterator[KillPoint]:
    """Run the target anew for each point, and yield after each child that was killed there.

    Ends with the first child that ends by itself, which must do so with exit code 0.
    ``environment`` is added to this process's own; ``points`` None means all of them.
    """
    for point in points or kill_points():
        child = subprocess.run(
            killing(point, target, arguments),
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
        if not _was_killed(point, child.returncode, child.stdout):
            return
        yield point


async def akills(
    target: str,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> AsyncIterator[KillPoint]:
    """The same as ``kills`` where a server of the test lives in this event loop."""
    for point in kill_points():
        child = await asyncio.create_subprocess_exec(
            *killing(point, target, arguments),
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(child.communicate(), seconds)
        except BaseException:
            child.kill()
            await child.wait()
            raise
        if not _was_killed(point, child.returncode, output):
            return
        yield point


def _was_killed(point: KillPoint, code: int | None, output: bytes) -> bool:
    if code == -signal.SIGKILL:
        return True
    text = output.decode(errors="replace")
    assert code == 0, f"the child that was to die at {point} ended with {code}:\n{text}"
    assert point != next(kill_points()), f"the child never commits:\n{text}"
    return False


def _arm(point: KillPoint) -> None:
    from sqlalchemy import Connection, Engine, event  # noqa: PLC0415 - only the child needs it

    seen = itertools.count(1)

    def on_commit(connection: Connection) -> None:
        if next(seen) != point.commit:
            return
        if point.side is Side.AFTER:
            # SQLAlchemy tells of a commit before it asks the driver for it.
            connection.connection.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", on_commit)


def _main() -> int | None:
    point, target, *arguments = sys.argv[1:]
    sys.path[0] = str(_ROOT)
    sys.argv = [target, *arguments]
    _arm(KillPoint.parse(point))
    module, _, function = ("qbm.bootstrap:main" if target == "qbm" else target).partition(":")
    result: int | None = getattr(importlib.import_module(module), function)()
    return result


if __name__ == "__main__":
    sys.exit(_main())
