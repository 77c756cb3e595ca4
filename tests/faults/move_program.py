"""Moves that are killed, or meet an error, at each call of ``os`` in turn.

Every function of ``os`` is a fault point, whoever calls it, so that a call which somebody
adds to a move is covered without anybody remembering. Run as a program, it prints one JSON
line per fault point: what was on the disk after the fault, and after it was ended, by the
same move again or by a withdrawal::

    python tests/faults/move_program.py KIND FAULT END SOURCE_FOLDER TARGET_FOLDER

A FAULT is ``kill``, the number of an error, or two of them with a comma: the second meets the
end that is tried first.

It forks for each point, which a test with threads around it may not.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
NAMES = {"source": "Caf\u0301e\udce9.mkv", "target": "T\udce9.mkv"}
CONTENT = {"file": b"content of a film " * 300_000, "small": b"small", "empty": b""}
TIME_NS = 1_600_000_000_123_456_789

Fault = Callable[[Callable[..., Any], tuple[Any, ...]], Any]


def main(kind: str, faults: str, end: str, source_folder: str, target_folder: str) -> None:
    """Try each point until a move meets none; with two faults, each pair of points."""
    from qbm.gateways.disk import (  # noqa: PLC0415 - so that the import is no fault
        Stamp,
        move,
        stamp,
        withdraw,
    )

    home, there = Path(source_folder), Path(target_folder)
    source, target = str(home / NAMES["source"]), str(there / "bin" / "sub" / NAMES["target"])

    def tried(act: Callable[[str, str, Stamp], object]) -> str:
        assert expected is not None
        try:
            return str(act(source, target, expected))
        except Exception as error:  # noqa: BLE001 - the test is about which one
            return f"{type(error).__name__}: {error}"

    def attempt() -> str:
        return tried(move)

    def ended() -> str:
        return tried(move if end == "move" else withdraw)

    fault, _, second_fault = faults.partition(",")
    for first in itertools.count(1):
        met = False
        for second in itertools.count(1) if second_fault else (0,):
            _fresh(kind, home, there)
            expected = stamp(source)
            told, met = _with_fault(attempt, fault, first)
            told_again, met_again = "", False
            if second and met:
                told_again, met_again = _with_fault(ended, second_fault, second)
            before = _seen(home, there)
            fate = ended()
            _report([first, second], [told, told_again], before, fate, _seen(home, there))
            if not met_again:
                break
        if not met:
            return


def _report(point: list[int], told: list[str], after: object, fate: str, finally_: object) -> None:
    row = {"point": point, "told": told[0], "told again": told[1], "after": after}
    print(json.dumps({**row, "fate": fate, "finally": finally_}), flush=True)


def _fresh(kind: str, home: Path, there: Path) -> None:
    for folder in (home, there):
        for each in folder.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    source = home / NAMES["source"]
    if kind == "link":
        source.symlink_to("nowhere")
    else:
        source.write_bytes(CONTENT[kind])
        source.chmod(0o640)
        os.utime(source, ns=(TIME_NS, TIME_NS))
        os.link(source, home / "linked.mkv")
    (there / "bin").mkdir()
    (there / "bin" / "somebody's").write_bytes(b"")


def _seen(home: Path, there: Path) -> dict[str, str]:
    """What each file is: ``whole`` is all of the source, with its mode and times."""
    found = {}
    for folder, place in ((home, "source"), (there, "target")):
        for path in sorted(folder.rglob("*")):
            if not path.is_dir() or path.is_symlink():
                name = str(path.relative_to(folder)).encode(errors="backslashreplace").decode()
                found[f"{place}:{name}"] = _what(path)
    return found


def _what(path: Path) -> str:
    if path.is_symlink():
        return "whole" if str(path.readlink()) == "nowhere" else "another link"
    found = path.stat()
    is_kept = found.st_mtime_ns == TIME_NS and found.st_mode & 0o777 == 0o640
    if path.read_bytes() in CONTENT.values() and (is_kept or found.st_size):
        return "whole" if is_kept else "without its times"
    return "something" if found.st_size else "nothing"


def _with_fault(attempt: Callable[[], str], fault: str, point: int) -> tuple[str, bool]:
    """What a forked attempt says, and whether it came to the fault."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        seen = _arm(_killed if fault == "kill" else _failing(int(fault)), point)
        told = attempt()
        count = next(seen)
        os.write(writing, f"{told}\n{count}".encode(errors="replace"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended == -signal.SIGKILL:
        return "killed", True
    assert ended == 0, f"the child at {point} ended with {ended}"
    words, _, calls = said.rpartition("\n")
    return words, int(calls) > point


def _killed(_function: Callable[..., Any], _arguments: tuple[Any, ...]) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _failing(number: int) -> Fault:
    def fail(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if function is _CLOSE:
            function(*arguments)  # as Linux does: it closes, and then tells
        raise OSError(number, os.strerror(number))

    return fail


_CLOSE = os.close


def _arm(fault: Fault, point: int) -> itertools.count[int]:
    """Have ``fault`` instead of the ``point``-th call (from 1) of a function of ``os``."""
    seen = itertools.count(1)

    def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if next(seen) == point:
                return fault(function, arguments)
            return function(*arguments, **named)

        return call

    for name in set(dir(os)) - {
        "fspath",
        "fsencode",
        "fsdecode",
        "kill",
        "getpid",
        "_exit",
        "strerror",
    }:
        function = getattr(os, name)
        if isinstance(function, BuiltinFunctionType):
            setattr(os, name, wrapped(function))
            for able in (os.supports_follow_symlinks, os.supports_effective_ids):
                if function in able:
                    able.add(getattr(os, name))
    return seen


if __name__ == "__main__":
    sys.path[0] = str(_ROOT)
    main(*sys.argv[1:])
