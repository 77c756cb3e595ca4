"""A tracker on loopback whose answer a test chooses, per torrent, and may change at any time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, quote

from aiohttp import web

from tests.lab.loops import LoopThread
from tests.lab.ports import free_port
from tests.lab.torrents import bencode

UNKNOWN_HOST_URL = "http://tracker.invalid/announce/unknown-host"
"""A tracker whose name is never resolved (RFC 6761)."""


@dataclass(frozen=True, slots=True)
class Works:
    """The torrent is registered; ``warning`` is shown beside."""

    warning: str = ""
    complete: int = 3
    incomplete: int = 1


@dataclass(frozen=True, slots=True)
class Fails:
    """The tracker refuses with a failure reason, which may be empty."""

    reason: str = "Unregistered torrent"


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP status instead of an answer; a ``reason`` is sent along bencoded."""

    code: int = 404
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML page with status 200, as a login wall shows it."""

    text: str = "<!doctype html><title>Log in</title>"


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer for so many seconds; servers give up after some 10."""

    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class HangsUp:
    """The connection is cut in the middle of the answer."""


Answer = Works | Fails | Status | Page | Silence | HangsUp

UNREGISTERED = Fails()


@dataclass(frozen=True, slots=True)
class Announce:
    """One announce that came in; ``at`` is ``time.monotonic()``."""

    passkey: str
    info_hash: str
    event: str
    at: float


class Tracker:
    """An HTTP tracker in a thread of its own.

    The answer for a torrent is looked up by its info hash, then by the passkey of its announce
    URL, else it is ``default``.
    """

    def __init__(self, default: Answer = Works()) -> None:
        self.default = default
        self.announces: list[Announce] = []
        self.port = free_port()
        self._answers: dict[str, Answer] = {}
        self._loop = LoopThread("lab-tracker")
        self._runner: web.AppRunner | None = None

    def url(self, passkey: str = "passkey", host: str = "127.0.0.1") -> str:
        """An announce URL; servers refuse loopback trackers whose path is another."""
        return f"http://{host}:{self.port}/announce/{quote(passkey, safe='')}"

    def answer(self, key: str, answer: Answer) -> None:
        """From now on the torrent (info hash) or passkey ``key`` gets ``answer``."""
        self._answers[key] = answer

    def announces_of(self, key: str) -> list[Announce]:
        """What has come in for an info hash or a passkey."""
        return [one for one in self.announces if key in {one.info_hash, one.passkey}]

    def __enter__(self) -> Self:
        self._loop.start()
        self._loop.run(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.run(self._close())
        self._loop.stop()

    async def _listen(self) -> None:
        app = web.Application()
        app.router.add_get("/announce/{passkey}", self._announced)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _close(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _announced(self, request: web.Request) -> web.StreamResponse:
        passkey = request.match_info["passkey"]
        info_hash = _info_hash(request.rel_url.raw_query_string)
        event = request.query.get("event", "")
        self.announces.append(Announce(passkey, info_hash, event, time.monotonic()))
        answer = self._answers.get(info_hash) or self._answers.get(passkey) or self.default
        match answer:
            case Works():
                return web.Response(body=bencode(_working(answer)))
            case Fails(reason):
                return web.Response(body=bencode({"failure reason": reason}))
            case Status(code, reason):
                body = bencode({"failure reason": reason}) if reason else b""
                return web.Response(status=code, body=body)
            case Page(text):
                return web.Response(text=text, content_type="text/html")
            case Silence(seconds):
                await asyncio.sleep(seconds)
                return web.Response(body=bencode(_working(Works())))
            case HangsUp():
                return await _cut(request)


def _working(answer: Works) -> dict[str, object]:
    # Without "min interval: 1" a server ignores the next reannounce silently.
    told: dict[str, object] = {
        "interval": 1800,
        "min interval": 1,
        "complete": answer.complete,
        "incomplete": answer.incomplete,
        "peers": b"",
    }
    return told | ({"warning message": answer.warning} if answer.warning else {})


def _info_hash(raw_query: str) -> str:
    # The 20 bytes come percent-encoded and are no text: latin-1 keeps each of them.
    query = parse_qs(raw_query, encoding="latin-1")
    return query.get("info_hash", [""])[0].encode("latin-1").hex()


async def _cut(request: web.Request) -> web.StreamResponse:
    half = web.StreamResponse(headers={"Content-Length": "1000"})
    await half.prepare(request)
    await half.write(b"d8:int")
    if request.transport:
        request.transport.abort()
    return half
