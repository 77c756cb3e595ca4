"""What the API's routes work with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from fastapi import Depends
from msgspec import Struct, field
from starlette.requests import Request
from structlog.typing import FilteringBoundLogger

from qbm.api.access import Door
from qbm.config.folder import ConfigFolder
from qbm.config.problem import printable
from qbm.errors import UsageError
from qbm.gateways.clock import Clock
from qbm.service.port import Service
from qbm.service.settings import SettingsFile

_PART: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]+")


class Acceptance(Struct):
    """Why the last request could not be written down; "" if it was, or there was none."""

    fault: str = ""


class Site(Struct, frozen=True, kw_only=True):
    """One served program: its service, its folders, and by which names it is called.

    ``logs`` is the folder of the logs and ``log_file`` the present one's name in it. ``clean``
    takes secrets out of a text. ``base_url`` is "" or like ``/qbm`` (``base_url_of``).
    ``token`` is the command line's secret of this start. ``schedule`` is what the flag or the
    variable says, ``started`` from when an interval counts. ``is_dry`` pins every run dry,
    whatever it asks for.
    """

    service: Service
    folder: ConfigFolder
    settings: SettingsFile
    logs: Path
    log_file: str
    log: FilteringBoundLogger
    clean: Callable[[str], str]
    clock: Clock
    environ: Mapping[str, str]
    token: str
    base_url: str = ""
    schedule: str = "1440"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_dry: bool = False
    acceptance: Acceptance = field(default_factory=Acceptance)


def base_url_of(text: str) -> str:
    """``--base-url`` as a prefix of paths: "" for none, else with a slash before and none after.

    Raises:
        UsageError: no path can begin with it.
    """
    parts = [part for part in text.strip().split("/") if part]
    if not all(_PART.fullmatch(part) for part in parts):
        raise UsageError(
            f"--base-url (QBT_BASE_URL): {printable(text)} is no path. Name one of letters, "
            "digits, ., _, ~ and -, such as /qbm."
        )
    return "".join(f"/{part}" for part in parts)


async def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


async def _door(request: Request) -> Door:
    door: Door = request.scope["qbm.door"]
    return door


SiteOf: TypeAlias = Annotated[Site, Depends(_site)]
DoorOf: TypeAlias = Annotated[Door, Depends(_door)]
"""By which door the caller came in."""
