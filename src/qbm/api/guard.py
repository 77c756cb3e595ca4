"""Lets callers in, or not: ``access.decide`` with passwords verified and wrong guesses counted."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from math import ceil
from typing import Final

from anyio import to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from qbm.api.access import (
    WRONG_PASSWORD,
    Admitted,
    Decision,
    Door,
    Refused,
    Rules,
    Unproven,
    decide,
)
from qbm.api.answers import refusal
from qbm.api.callers import Call, caller
from qbm.api.hosts import host_and_port, netloc_of
from qbm.api.site import Site
from qbm.config.problem import InvalidConfigError
from qbm.service.settings import Authentication

_GUESSES: Final = (RateLimitItemPerMinute(10), RateLimitItemPerHour(60))
_PROVEN_SECONDS: Final = 600.0
_PROVEN_MOST: Final = 64
_REALM: Final = 'Basic realm="qBit Manage", charset="UTF-8"'


class Guard:
    """Asks ``decide`` about each request; the door is left in the scope as ``qbm.door``."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site
        self._passwords = Passwords()
        self._guesses = Guesses()
        self._verifying = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer why not."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        outcome = await self._outcome(_call(scope))
        if isinstance(outcome, Admitted):
            await self._app({**scope, "qbm.door": outcome.door}, receive, send)
            return
        answer = refusal(outcome.status, outcome.detail, self._site.clean, outcome.headers)
        await answer(scope, receive, send)

    async def _outcome(self, call: Call) -> Admitted | _Answer:
        authentication = self._authentication()
        if isinstance(authentication, _Answer):
            decision = decide(call, self._rules(Authentication()))
            is_by_settings = isinstance(decision, Unproven) or decision == Admitted(Door.LOCAL)
            return authentication if is_by_settings else await self._judged(call, decision, ())
        decision = decide(call, self._rules(authentication))
        return await self._judged(call, decision, authentication.trusted_proxies)

    async def _judged(
        self, call: Call, decision: Decision, trusted: tuple[str, ...]
    ) -> Admitted | _Answer:
        address = caller(call, trusted)
        tried = _tried(decision)
        if tried and (wait := self._guesses.wait(tried, address)):
            return _too_many(wait)
        if isinstance(decision, Unproven):
            return await self._proven(decision, address)
        return decision if isinstance(decision, Admitted) else self._refused(decision, address)

    async def _proven(self, unproven: Unproven, address: str) -> Admitted | _Answer:
        if self._passwords.remember(unproven):
            return Admitted(Door.PASSWORD)
        async with self._verifying:  # many tries sent at once must not all come before the count
            if wait := self._guesses.wait(Door.PASSWORD, address):
                return _too_many(wait)
            if await self._passwords.fit(unproven):
                return Admitted(Door.PASSWORD)
            return self._refused(WRONG_PASSWORD, address)

    def _refused(self, decision: Refused, address: str) -> _Answer:
        if decision.guessed:
            self._guesses.wrong(decision.guessed, address)
            self._site.log.warning(
                "warning", text=f"Refused a caller from {address}: {decision.detail}"
            )
        headers = {"WWW-Authenticate": _REALM} if decision.asks_for_password else {}
        return _Answer(decision.status, decision.detail, headers)

    def _authentication(self) -> Authentication | _Answer:
        try:
            return self._site.settings.read().authentication
        except InvalidConfigError as error:
            detail = f"Nobody is let in while the settings are wrong. Mend them: {error}"
            return _Answer(403, detail)

    def _rules(self, authentication: Authentication) -> Rules:
        said = self._site.environ.get("QBM_ALLOWED_HOSTS", "").split(",")
        names = frozenset(map(_name, (*said, *authentication.allowed_hosts))) - {""}
        return Rules(authentication=authentication, names=names, token=self._site.token)


class _Answer(Struct, frozen=True):
    """A refusal on its way out."""

    status: int
    detail: str
    headers: dict[str, str] = {}


def _tried(decision: Decision) -> Door | None:
    """By which credentials somebody may be guessing; right passwords are among the tries.

    Not a right key or token: they are too long to be guessed, and compared at no cost, so that
    no wrong ones from the same address keep them out.
    """
    match decision:
        case Unproven():
            return Door.PASSWORD
        case Refused(guessed=guessed):
            return guessed
        case Admitted():
            return None


def _too_many(wait: int) -> _Answer:
    detail = f"Too many wrong tries from this address. Try again in {wait} seconds."
    return _Answer(429, detail, {"Retry-After": str(wait)})


def _name(said: str) -> str:
    """The name in what people write for one: it may have a scheme and a port."""
    return host_and_port(netloc_of(said) if "://" in said else said)[0]


def _call(scope: Scope) -> Call:
    headers = Headers(scope=scope)
    client = scope.get("client")
    return Call(
        method=scope["method"],
        path=scope["path"],
        address=client[0] if client else "",
        headers={name: tuple(headers.getlist(name)) for name in headers},
    )


class Passwords:
    """Verifies passwords off the event loop, and remembers for a while which ones fitted.

    argon2 takes a tenth of a second and 64 MB on purpose. What is remembered is a keyed digest
    that dies with the process.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._proven: dict[bytes, float] = {}

    def remember(self, unproven: Unproven) -> bool:
        """Whether just this user and password have fitted a short while ago."""
        return unproven.is_user and self._proven.get(self._digest(unproven), 0.0) > time.monotonic()

    async def fit(self, unproven: Unproven) -> bool:
        """Whether the password is right, for a user of that name."""
        fits = await to_thread.run_sync(_verify, unproven.password_hash, unproven.password)
        if not fits or not unproven.is_user:
            return False
        while len(self._proven) >= _PROVEN_MOST:
            del self._proven[next(iter(self._proven))]
        self._proven[self._digest(unproven)] = time.monotonic() + _PROVEN_SECONDS
        return True

    def _digest(self, unproven: Unproven) -> bytes:
        said = f"{unproven.password_hash}\0{unproven.password}".encode()
        return hmac.digest(self._key, said, "sha256")


def _verify(password_hash: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


class Guesses:
    """Counts wrong credentials of each kind per address."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def wrong(self, door: Door, address: str) -> None:
        """Count one."""
        for each in _GUESSES:
            self._limiter.hit(each, door, address)

    def wait(self, door: Door, address: str) -> int:
        """Seconds until the address may try again by this door; 0 if it may now."""
        over = [each for each in _GUESSES if not self._limiter.test(each, door, address)]
        ends = [self._limiter.get_window_stats(each, door, address).reset_time for each in over]
        return max((max(1, ceil(end - time.time())) for end in ends), default=0)
