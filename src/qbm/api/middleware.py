"""What every request passes on its way to a route. Pure ASGI, so that streams stay streams."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from qbm.api.answers import Clean, refusal

LARGEST_BODY: Final = 1_000_000
"""Bytes."""
BODY_SECONDS: Final = 30.0
"""From a request's head to the end of its body."""

_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Crashes:
    """Answers a fault of ours with a short 500; the log has the traceback."""

    def __init__(self, app: ASGIApp, log: FilteringBoundLogger, clean: Clean) -> None:
        self._app = app
        self._log = log
        self._clean = clean

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # the last border: a caller gets no traceback
            if scope["type"] != "http" or has_begun:
                raise
            where = f"{scope['method']} {scope['path']}"
            self._log.critical("crashed", text=f"A fault in {where}", exc_info=error)
            detail = (
                f"A fault in qbm itself ({type(error).__name__}). The log has the details; "
                "please report it with them."
            )
            await refusal(500, detail, self._clean)(scope, receive, send)


class SafeHeaders:
    """Keeps answers out of caches, frames and other sites' pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, adding)


class BelowBaseUrl:
    """Serves the same with the prefix ``base_url`` and without."""

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self._app = app
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, without the prefix."""
        base = self._base_url
        path = scope.get("path", "")
        if base and (path == base or path.startswith(f"{base}/")):
            scope = {**scope, "path": path[len(base) :] or "/"}
        await self._app(scope, receive, send)


class HeadAsGet:
    """Answers HEAD like GET, without the body, as HTTP wants it (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


class BodyLimit:
    """Refuses a body that is too large, without reading it to its end, and one that stays out."""

    def __init__(
        self,
        app: ASGIApp,
        clean: Clean,
        largest: int = LARGEST_BODY,
        seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._clean = clean
        self._largest = largest
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and int(told[:20]) > self._largest:
            await refusal(413, self._detail, self._clean)(scope, receive, send)
            return
        size, is_whole = 0, False
        latest = asyncio.get_running_loop().time() + self._seconds

        async def counting() -> Message:
            nonlocal size, is_whole
            try:
                async with asyncio.timeout_at(None if is_whole else latest):
                    message = await receive()
            except TimeoutError:
                detail = f"The body did not arrive within {self._seconds:g} seconds."
                raise HTTPException(408, detail, {"Connection": "close"}) from None
            size += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if size > self._largest:
                raise HTTPException(413, self._detail)
            return message

        await self._app(scope, counting, send)

    @property
    def _detail(self) -> str:
        return f"The body is too large: at most {self._largest:,} bytes are taken."
