"""The authentication settings; passwords and keys go in, and never come out."""

from __future__ import annotations

import re
import secrets
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal

from argon2 import PasswordHasher
from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from qbm.api.answers import errors
from qbm.api.bodies import BodyRoute, Text
from qbm.api.site import SiteOf
from qbm.service.settings import Authentication, Method

router = APIRouter(prefix="/api/security", tags=["security"], route_class=BodyRoute)

_SECTION: Final = "authentication"
_TEXTS: Final = ("username", "password_hash", "api_key")
_USERNAME: Final = re.compile(r"[A-Za-z0-9_-]{3,50}")
_CLASSES: Final = (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]")
_SHORTEST_PASSWORD: Final = 8
_CLASSES_NEEDED: Final = 3
_LONGEST_PASSWORD: Final = 1024
_HASHER: Final = PasswordHasher()


def _username(text: str) -> str:
    if text and not _USERNAME.fullmatch(text):
        raise ValueError("it must be 3 to 50 letters, digits, _ or -")
    return text


def _password(text: str) -> str:
    if text and (
        not _SHORTEST_PASSWORD <= len(text) <= _LONGEST_PASSWORD
        or sum(bool(re.search(each, text)) for each in _CLASSES) < _CLASSES_NEEDED
    ):
        raise ValueError(
            "it must have 8 characters or more, of three kinds: small letters, capitals, "
            "digits, others"
        )
    return text


def _proxy(text: str) -> str:
    try:
        ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError("it must be an IP address or a subnet, as in 172.18.0.0/16") from None
    return text.strip()


class Security(BaseModel):
    """The settings; ``password_hash`` is ``***`` if there is one, ``api_key`` always ""."""

    enabled: bool
    method: Method
    bypass_auth_for_local: bool
    trusted_proxies: list[str]
    username: str
    password_hash: str
    api_key: str


class InForce(BaseModel):
    """What is in force."""

    has_api_key: bool
    method: Method
    enabled: bool


class NewSecurity(BaseModel):
    """Settings to save.

    Without a password, or a word about the key, the present ones stay. What is said of the
    current ones is not looked at: who may call this has been let in already.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "enabled": True,
                    "method": "basic",
                    "username": "admin",
                    "password": "correct-Horse-9",
                },
                {"enabled": True, "method": "api_only", "generate_api_key": True},
            ]
        }
    )

    enabled: bool
    method: Method
    bypass_auth_for_local: bool = False
    trusted_proxies: list[Annotated[Text, AfterValidator(_proxy)]] = []
    username: Annotated[Text, AfterValidator(_username)] | None = None
    password: Annotated[Text, AfterValidator(_password)] | None = None
    generate_api_key: bool = False
    clear_api_key: bool = False
    current_username: Text | None = None
    current_password: Text | None = None
    current_api_key: Text | None = None


class SecuritySaved(BaseModel):
    """The settings are saved; ``api_key`` is a new key, shown this once, or None."""

    success: Literal[True] = True
    message: str = "Security settings updated successfully"
    api_key: str | None


@router.get("")
def security(site: SiteOf) -> Security:
    """The authentication settings, without their secrets."""
    now = site.settings.read().authentication
    return Security(
        enabled=now.enabled,
        method=now.method,
        bypass_auth_for_local=now.bypass_auth_for_local,
        trusted_proxies=list(now.trusted_proxies),
        username=now.username,
        password_hash="***" if now.password_hash else "",
        api_key="",
    )


@router.get("/status")
def status(site: SiteOf) -> InForce:
    """What is in force."""
    now = site.settings.read().authentication
    return InForce(has_api_key=bool(now.api_key), method=now.method, enabled=now.enabled)


@router.put("", responses=errors(400, 500))
def save(wanted: NewSecurity, site: SiteOf) -> SecuritySaved:
    """Save the authentication settings, which count from the next request on."""
    now = site.settings.read().authentication
    changes: dict[str, Any] = {
        "enabled": wanted.enabled,
        "method": wanted.method.value,
        "bypass_auth_for_local": wanted.bypass_auth_for_local,
        "trusted_proxies": wanted.trusted_proxies,
        "username": now.username if wanted.username is None else wanted.username,
        "password_hash": _hash(wanted.password) if wanted.password else now.password_hash,
        "api_key": _key(wanted, now),
    }
    if lockout := _lockout(Authentication(**changes)):
        raise HTTPException(400, lockout)
    # What stays is not written: the file may have it from a variable (!ENV).
    stays = {name for name in _TEXTS if changes[name] and changes[name] == getattr(now, name)}
    site.settings.save(
        _SECTION, {name: each for name, each in changes.items() if name not in stays}
    )
    return SecuritySaved(api_key=changes["api_key"] if wanted.generate_api_key else None)


def _hash(password: str) -> str:
    return _HASHER.hash(password)


def _key(wanted: NewSecurity, now: Authentication) -> str:
    if wanted.generate_api_key:
        return secrets.token_urlsafe(32)
    return "" if wanted.clear_api_key else now.api_key


def _lockout(wanted: Authentication) -> str:
    """Why nobody could get in by these settings; "" if somebody can."""
    if not wanted.enabled or wanted.bypass_auth_for_local:
        return ""
    if wanted.method is Method.BASIC and not (wanted.username and wanted.password_hash):
        return "Nobody could log in: the method basic needs a username and a password."
    if wanted.method is Method.API_ONLY and not wanted.api_key:
        return "Nobody could get in: the method api_only needs a key (generate_api_key: true)."
    return ""
