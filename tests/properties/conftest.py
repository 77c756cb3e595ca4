"""Few, always equal examples in the suite; many, new ones in ``make soak``."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("soak", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("soak" if os.environ.get("QBM_SOAK") else "suite")
