"""A counting reverse proxy in front of a server: what was asked, and faults where a test wants.

It runs in a thread of its own, so that a test may block. It streams answers and changes
nothing but the ``Host`` (a server refuses a foreign one) and what a fault says.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from aiohttp import (
    ClientConnectionError,
    ClientPayloadError,
    ClientSession,
    ClientTimeout,
    TCPConnector,
    web,
)
from multidict import CIMultiDict
from yarl import URL

from tests.lab.loops import LoopThread
from tests.lab.ports import free_port
from tests.lab.servers import Server

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "origin", "referer"}
_FORM = "application/x-www-form-urlencoded"
_READ_BY_POST = frozenset(
    {f"torrents/{name}" for name in ("info", "trackers", "files", "properties", "export")}
    | {"auth/login", "auth/logout", "sync/maindata"},
)
# The server closes idle connections after 7 s; the proxy's own must be gone before.
_UPSTREAM_KEEP_ALIVE = 4.0


@dataclass(slots=True)
class Exchange:
    """One request and what became of it; ``at`` is ``time.monotonic()``, ``seconds`` its length.

    ``path`` is what follows ``/api/v2/``. ``status`` is 0 where the connection was cut.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes = field(repr=False)
    content_type: str
    headers: Mapping[str, str] = field(repr=False)
    at: float
    seconds: float = 0.0
    status: int = 0
    received: int = 0

    @property
    def form(self) -> dict[str, str]:
        """Its urlencoded form; empty for a multipart one."""
        if self.content_type != _FORM:
            return {}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def is_write(self) -> bool:
        """It may change something: a POST that is neither a login nor a question."""
        return self.method == "POST" and self.path not in _READ_BY_POST


class Moment(Enum):
    """When a fault strikes."""

    BEFORE = auto()
    """The server has not seen the request."""
    AFTER = auto()
    """The server has answered, the client knows nothing of it."""


@dataclass(frozen=True, slots=True)
class Delay:
    """The request waits so many seconds before it goes on to the server."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is cut without an answer."""

    moment: Moment = Moment.BEFORE


@dataclass(frozen=True, slots=True)
class CutBody:
    """The connection is cut in the middle of the answer's body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The proxy answers in the server's place."""

    status: int = 500
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Pause:
    """The request stops until the test calls ``go_on``; ``wait`` waits until one has arrived."""

    moment: Moment = Moment.BEFORE
    _arrived: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)

    @property
    def has_arrived(self) -> bool:
        """The request is there, or was."""
        return self._arrived.is_set()

    def wait(self, seconds: float = 30.0) -> None:
        """Waits for the request.

        Raises:
            AssertionError: none came.
        """
        assert self._arrived.wait(seconds), f"no such request within {seconds} s"

    def go_on(self) -> None:
        """Lets the request go on."""
        self._released.set()

    async def hold(self) -> None:
        """Where the proxy stops, without keeping its loop from the other requests."""
        self._arrived.set()
        await asyncio.to_thread(self._released.wait)


Fault = Delay | Cut | CutBody | Answer | Pause
Condition = Callable[[Exchange], bool]


def every_request(_exchange: Exchange) -> bool:
    """Matches all."""
    return True


def is_write(exchange: Exchange) -> bool:
    """Matches what may change something."""
    return exchange.is_write


def path_is(*paths: str) -> Condition:
    """Matches these paths, such as ``torrents/addTags``."""
    return lambda exchange: exchange.path in paths


@dataclass(slots=True)
class _Rule:
    fault: Fault
    when: Condition
    skip: int
    times: int

    def strikes(self, exchange: Exchange) -> bool:
        """Whether it is this request's turn; counts down."""
        if not self.times or not self.when(exchange):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Proxy:
    """The proxy in front of ``upstream`` (a base URL), as a context manager.

    ``base_path`` (``/qbt``) is where it answers, as behind a user's reverse proxy.
    ``keep_alive`` is how many seconds an idle connection of a client lives.
    """

    def __init__(self, upstream: str, *, base_path: str = "", keep_alive: float = 75.0) -> None:
        self.upstream = upstream
        self.port = free_port()
        self.base_path = base_path
        self.exchanges: list[Exchange] = []
        self.peak = 0
        self.connections = 0
        self._keep_alive = keep_alive
        self._rules: list[_Rule] = []
        self._in_flight = 0
        self._open: set[asyncio.BaseTransport] = set()
        self._busy: set[asyncio.BaseTransport] = set()
        self._loop = LoopThread("lab-proxy")
        self._runner: web.ServerRunner | None = None
        self._session: ClientSession | None = None

    @property
    def url(self) -> str:
        """Where a client finds the server through it."""
        return f"http://127.0.0.1:{self.port}{self.base_path}"

    @property
    def writes(self) -> list[Exchange]:
        """The requests that may have changed something."""
        return [exchange for exchange in self.exchanges if exchange.is_write]

    @property
    def counts(self) -> Counter[str]:
        """How many requests each path got."""
        return Counter(exchange.path for exchange in self.exchanges)

    def forget(self) -> None:
        """Begins counting anew."""
        self.exchanges.clear()
        self.peak = 0
        self.connections = len(self._open)

    def inject(
        self,
        fault: Fault,
        when: Condition = every_request,
        *,
        skip: int = 0,
        times: int = 1,
    ) -> None:
        """Strikes ``times`` requests that match, after the first ``skip`` of them.

        Of several faults for one request the one injected first strikes.
        """
        self._rules.append(_Rule(fault, when, skip, times))

    def heal(self) -> None:
        """Takes all faults away; what is paused goes on."""
        for rule in self._rules:
            if isinstance(rule.fault, Pause):
                rule.fault.go_on()
        self._rules.clear()

    def drop_idle(self) -> int:
        """Closes the clients' connections that wait for a next request; answers how many."""
        return self._loop.run(self._drop_idle())

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
        self.heal()
        self._loop.run(self._close())
        self._loop.stop()

    async def _listen(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(limit=0, keepalive_timeout=_UPSTREAM_KEEP_ALIVE),
            timeout=ClientTimeout(total=None),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        server = web.Server(self._handle, keepalive_timeout=self._keep_alive, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _close(self) -> None:
        if self._runner:
            await self._runner.cleanup()
        if self._session:
            await self._session.close()

    async def _drop_idle(self) -> int:
        idle = {one for one in self._open - self._busy if not one.is_closing()}
        for transport in idle:
            transport.close()
        self._open -= idle
        return len(idle)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        assert transport
        self._open = {one for one in self._open if not one.is_closing()}
        self.connections += transport not in self._open
        self._open.add(transport)
        self._busy.add(transport)
        self._in_flight += 1
        self.peak = max(self.peak, self._in_flight)
        try:
            if not request.path.startswith(f"{self.base_path}/"):
                return web.Response(status=404)
            return await self._answer(request)
        finally:
            self._in_flight -= 1
            self._busy.discard(transport)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = Exchange(
            method=request.method,
            path=request.path.removeprefix(self.base_path).removeprefix("/api/v2/"),
            query=dict(request.query),
            body=await request.read(),
            content_type=request.content_type,
            headers=dict(request.headers),
            at=time.monotonic(),
        )
        self.exchanges.append(exchange)
        fault = next((rule.fault for rule in self._rules if rule.strikes(exchange)), None)
        try:
            return await self._with_fault(request, exchange, fault)
        finally:
            exchange.seconds = time.monotonic() - exchange.at

    async def _with_fault(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        fault: Fault | None,
    ) -> web.StreamResponse:
        match fault:
            case Answer(status, body, content_type):
                exchange.status = status
                return web.Response(status=status, body=body, content_type=content_type)
            case Cut(Moment.BEFORE):
                return _cut(request)
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Pause(Moment.BEFORE):
                await fault.hold()
            case _:
                pass
        return await self._forward(request, exchange, fault)

    async def _forward(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        fault: Fault | None,
    ) -> web.StreamResponse:
        assert self._session
        target = self.upstream + request.raw_path.removeprefix(self.base_path)
        try:
            async with self._session.request(
                # 4.5.2 answers a HEAD with a body, on which aiohttp chokes.
                "GET" if request.method == "HEAD" else request.method,
                URL(target, encoded=True),
                headers=self._headers(request),
                data=exchange.body or None,
                allow_redirects=False,
            ) as answer:
                whole = await answer.read() if isinstance(fault, Pause | Cut) else b""
                if isinstance(fault, Pause):
                    await fault.hold()
                if isinstance(fault, Cut):
                    return _cut(request)
                exchange.status = answer.status
                kept = _kept(answer.headers)
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                exchange.received += len(whole)
                await response.write(whole)
                async for chunk in answer.content.iter_chunked(1 << 16):
                    if isinstance(fault, CutBody):
                        await response.write(chunk[: len(chunk) // 2])
                        return _cut(request)
                    if request.method == "HEAD":
                        break
                    exchange.received += len(chunk)
                    await response.write(chunk)
                await response.write_eof()
                return response
        except (ClientConnectionError, ClientPayloadError, ConnectionError):
            # The server is gone, or the client is: the one learns it as if it had asked itself.
            return _cut(request)

    def _headers(self, request: web.BaseRequest) -> CIMultiDict[str]:
        headers = _kept(request.headers)
        headers["Host"] = urlsplit(self.upstream).netloc
        for name in ("Origin", "Referer"):
            if given := request.headers.get(name):
                headers[name] = given.replace(f"http://127.0.0.1:{self.port}", self.upstream)
        return headers


class ProxyOf(Protocol):
    """Starts a proxy before a server; ``options`` are those of ``Proxy``."""

    def __call__(self, server: Server, **options: Any) -> Proxy: ...


def _kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP
    )


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response()
