"""Which file of ``tests/cases/classic_api`` a request's case stands in: one for each route."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

ELSEWHERE = "elsewhere"

_ROUTES = {
    r"run-command/?": "run_command",
    r"version/?": "version",
    r"health": "health",
    r"get_base_url": "get_base_url",
    r"configs": "configs",
    r"configs/[^/]*": "config",
    r"configs/[^/]+/validate": "config_validate",
    r"configs/[^/]+/backup": "config_backup",
    r"configs/[^/]+/backups": "config_backups",
    r"configs/[^/]+/restore": "config_restore",
    r"scheduler": "scheduler",
    r"schedule": "schedule",
    r"schedule/persistence/toggle": "schedule_toggle",
    r"logs": "logs",
    r"log_files": "log_files",
    r"docs": "docs",
    r"security": "security",
    r"security/status": "security_status",
    r"system/force-reset": "force_reset",
}


def route_of(path: str) -> str:
    """The route's name; what is no route of the API is ``elsewhere``."""
    _, _, rest = urlsplit(path).path.partition("/api/")
    for pattern, route in _ROUTES.items():
        if re.fullmatch(pattern, rest):
            return route
    return ELSEWHERE
