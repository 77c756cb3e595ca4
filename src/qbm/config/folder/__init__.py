"""A folder of configs as the Web API sees it: names from anybody, files changed whole."""

from qbm.config.folder.backups import Backup
from qbm.config.folder.configs import ConfigFile, ConfigFolder

__all__ = ["Backup", "ConfigFile", "ConfigFolder"]
