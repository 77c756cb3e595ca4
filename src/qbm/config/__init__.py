"""The config file: what it may say, where it lies, and everything that is wrong with it."""

from qbm.config.finding import SAMPLE, Found, State, find
from qbm.config.loading import Loaded, load
from qbm.config.problem import InvalidConfigError, Kind, Problem
from qbm.config.schema import (
    Apprise,
    CatChange,
    Commands,
    Config,
    Directory,
    NoHardlinks,
    Notifiarr,
    Orphaned,
    Qbt,
    RecycleBin,
    Root,
    Service,
    Settings,
    ShareLimitGroup,
    TrackerEntry,
    TrackerMessages,
    Webhooks,
)

__all__ = [
    "SAMPLE",
    "Apprise",
    "CatChange",
    "Commands",
    "Config",
    "Directory",
    "Found",
    "InvalidConfigError",
    "Kind",
    "Loaded",
    "NoHardlinks",
    "Notifiarr",
    "Orphaned",
    "Problem",
    "Qbt",
    "RecycleBin",
    "Root",
    "Service",
    "Settings",
    "ShareLimitGroup",
    "State",
    "TrackerEntry",
    "TrackerMessages",
    "Webhooks",
    "find",
    "load",
]
