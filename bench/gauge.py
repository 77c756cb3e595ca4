"""Runs one program and writes down what it cost: ``gauge.py LIMIT REPORT OUTPUT COMMAND...``.

A process of its own, of the standard library alone: a child's peak memory counts from that of
the process that starts it, so the starter must be smaller than anything it measures.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Writes ``REPORT`` (JSON: seconds, cpu_seconds, peak_bytes, exit_code); answers 0.

    After ``LIMIT`` seconds the program is killed; its exit code says so.
    """
    limit, report, output, *command = sys.argv[1:]
    with Path(output).open("wb") as sink:
        start = time.perf_counter()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
        signal.signal(signal.SIGALRM, lambda *_signal: child.kill())
        signal.alarm(int(limit))
        # Not child.wait(): that tells nothing of what it used.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
    cost = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "exit_code": os.waitstatus_to_exitcode(status),
    }
    Path(report).write_text(json.dumps(cost), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
