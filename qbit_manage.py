"""The classic door: ``python qbit_manage.py --run …``, from a clone as it is or installed."""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SOURCES = FOLDER / "src"

if SOURCES.is_dir():
    sys.path.insert(0, str(SOURCES))

from qbm.bootstrap import classic_main  # noqa: E402 - only now can it be found

if __name__ == "__main__":
    sys.exit(classic_main(program_dir=FOLDER))
