"""``python -m qbm``."""

import sys

from qbm.bootstrap import main

sys.exit(main())
