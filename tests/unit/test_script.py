"""``qbit_manage.py`` where it cannot start: what to do, and no traceback."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.program import ROOT

_SCRIPT = ROOT / "qbit_manage.py"
_AS_OLD_PYTHON = f"""
import runpy, sys
sys.version_info = (3, 9, 2, "final", 0)
runpy.run_path({str(_SCRIPT)!r}, run_name="__main__")
"""


def _refused(*words: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-I", "-S", *words], capture_output=True, encoding="utf-8", check=False
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_without_the_packages_it_says_how_to_get_them() -> None:
    told = _refused(str(_SCRIPT), "--run")
    assert f"not installed for this Python, {sys.executable} (missing: msgspec)" in told
    assert ".venv/bin/python qbit_manage.py" in told


def test_on_an_old_python_it_says_which_one_is_needed() -> None:
    assert "needs Python 3.11 or newer" in _refused("-c", _AS_OLD_PYTHON)


def test_an_old_python_can_read_it() -> None:
    ast.parse(_SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 5))
