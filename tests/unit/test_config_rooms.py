"""What of the config a run imports."""

from __future__ import annotations

import subprocess
import sys

_OTHERS = ("editing", "folder", "publishing", "showing")


def test_a_run_imports_nothing_that_edits_or_publishes_configs() -> None:
    program = "import sys, qbm.bootstrap.wiring, qbm.cli.terminal_run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    imported = set(done.stdout.decode().split())
    assert "qbm.config.loading" in imported
    assert imported.isdisjoint(f"qbm.config.{room}" for room in _OTHERS)
