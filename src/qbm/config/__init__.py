"""The config file: what it may say, where it lies, and everything that is wrong with it."""

from qbm.config.finding import SAMPLE, Found, State, find
from qbm.config.loading import Loaded, load
from qbm.config.problem import InvalidConfigError, Problem
from qbm.config.schema import (
    CatChange,
    Commands,
    Config,
    Qbt,
    Settings,
    TrackerEntry,
)

__all__ = [
    "SAMPLE",
    "CatChange",
    "Commands",
    "Config",
    "Found",
    "InvalidConfigError",
    "Loaded",
    "Problem",
    "Qbt",
    "Settings",
    "State",
    "TrackerEntry",
    "find",
    "load",
]
