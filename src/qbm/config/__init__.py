"""The config file: what it may say, where it lies, and everything that is wrong with it."""

from qbm.config.schema import (
    CatChange,
    Commands,
    Config,
    Qbt,
    Settings,
    TrackerEntry,
)

__all__ = [
    "CatChange",
    "Commands",
    "Config",
    "Qbt",
    "Settings",
    "TrackerEntry",
]
