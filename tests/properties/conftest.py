"""Few, always equal examples in the suite; many, new ones in ``make soak``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("soak", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("soak" if os.environ.get("QBM_SOAK") else "suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every property, so that ``make soak`` runs it on many examples."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("soak")
