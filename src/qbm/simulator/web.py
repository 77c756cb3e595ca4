"""Serves a simulator over HTTP, with its faults: in this event loop, or in a thread."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from weakref import WeakSet

from aiohttp import hdrs, web

from qbm.simulator.calls import CUT, Answer, Call
from qbm.simulator.faults import (
    CutAfter,
    CutBefore,
    CutReused,
    Failing,
    ForgottenLogin,
    Html,
    Late,
    Restart,
    Slow,
)

if TYPE_CHECKING:
    from qbm.simulator.simulator import Simulator

KEEP_ALIVE_SECONDS = 8.0
"""How long real servers keep an idle connection (7 to 9 s)."""

_LARGEST_FORM = 64 << 20
_SMALLEST_ZIPPED = 1024
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_UNTYPED = "application/octet-stream"


class Where(TypedDict, total=False):
    """Where to listen: ``port`` 0 draws a free one; ``keep_alive`` is in seconds."""

    host: str
    port: int
    keep_alive: float
    tls: ssl.SSLContext | None


@asynccontextmanager
async def serve(simulator: Simulator, **where: Unpack[Where]) -> AsyncIterator[str]:
    """Serves it until the block ends; gives its URL.

    Raises:
        OSError: the address cannot be bound.
    """
    host, tls = where.get("host", "127.0.0.1"), where.get("tls")
    application = web.Application(client_max_size=_LARGEST_FORM)
    application.on_response_prepare.append(_drop_default_type)
    application.router.add_route("*", "/{path:.*}", _Front(simulator).handle)
    runner = web.AppRunner(
        application,
        access_log=None,
        keepalive_timeout=where.get("keep_alive", KEEP_ALIVE_SECONDS),
        shutdown_timeout=0.1,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, where.get("port", 0), ssl_context=tls).start()
        simulator.access.port = runner.addresses[0][1]
        scheme = "https" if tls else "http"
        yield f"{scheme}://{host}:{simulator.access.port}{simulator.prefix}"
    finally:
        await runner.cleanup()


@contextmanager
def serve_in_thread(simulator: Simulator, **where: Unpack[Where]) -> Iterator[str]:
    """As ``serve``, for callers without an event loop.

    Raises:
        OSError: the address cannot be bound.
    """
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        ended = asyncio.Event()
        async with serve(simulator, **where) as url:
            ready.set_result((url, asyncio.get_running_loop(), ended))
            await ended.wait()

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="qbm-simulator") as executor:
        running = executor.submit(asyncio.run, run())
        either: tuple[Future[Any], ...] = (ready, running)
        wait(either, return_when=FIRST_COMPLETED)
        if running.done():
            running.result()  # raises what kept it from starting
        url, loop, ended = ready.result()
        try:
            yield url
        finally:
            loop.call_soon_threadsafe(ended.set)
        running.result()


async def _drop_default_type(_: web.Request, response: web.StreamResponse) -> None:
    """Some answers of a real server have no type; aiohttp would always name one."""
    if response.headers.get(hdrs.CONTENT_TYPE) == _UNTYPED:
        del response.headers[hdrs.CONTENT_TYPE]


@dataclass(slots=True)
class _Front:
    """Between aiohttp and a simulator: requests become calls, and faults strike."""

    simulator: Simulator
    connections: WeakSet[asyncio.Transport] = field(default_factory=WeakSet)
    """Those that have carried a request."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request, or cuts its connection."""
        call = await _call_of(request, self.simulator.prefix)
        found = await self._answer(call, is_reused=self._is_reused(request))
        if found.status != CUT:
            return _response(request, found)
        if request.transport:
            request.transport.abort()
        return web.Response()  # which nobody gets

    def _is_reused(self, request: web.Request) -> bool:
        if request.transport is None:
            return False
        was_used = request.transport in self.connections
        self.connections.add(request.transport)
        return was_used

    async def _answer(self, call: Call, *, is_reused: bool) -> Answer:
        simulator = self.simulator
        late: Late | None = None
        is_answered = True
        if simulator.away_until > time.monotonic():
            return self._instead(call, Answer(status=CUT))
        for fault in simulator.striking(call, is_reused=is_reused):
            match fault:
                case Slow():
                    await asyncio.sleep(fault.seconds)
                case ForgottenLogin():
                    simulator.access.sessions.clear()
                case Late():
                    late = fault
                case CutAfter():
                    is_answered = False
                case Restart():
                    simulator.restart(fault.seconds)
                    return self._instead(call, Answer(status=CUT))
                case CutBefore() | CutReused() | Failing() | Html():
                    return self._instead(call, _answer_of(fault))
        found = simulator.answer(call, late=late)
        return found if is_answered else Answer(status=CUT)

    def _instead(self, call: Call, answer: Answer) -> Answer:
        self.simulator.record(call, answer.status)
        return answer


def _answer_of(fault: Failing | Html | CutBefore | CutReused) -> Answer:
    match fault:
        case Failing():
            return Answer(
                status=fault.status, body=fault.body.encode(), content_type=fault.content_type
            )
        case Html():
            return Answer(body=fault.body.encode(), content_type="text/html; charset=UTF-8")
        case CutBefore() | CutReused():
            return Answer(status=CUT)


async def _call_of(request: web.Request, prefix: str) -> Call:
    api = f"{prefix}/api/v2/"
    is_form = request.content_type in _FORMS or not request.can_read_body
    form: Mapping[str, str | bytearray | bytes | web.FileField] = (
        await request.post() if is_form else {}
    )
    return Call(
        method=request.method,
        path=request.path.removeprefix(api) if request.path.startswith(api) else "",
        query=dict(request.query),
        form={name: value for name, value in form.items() if isinstance(value, str)},
        files=tuple(
            value.file.read() for value in form.values() if isinstance(value, web.FileField)
        ),
        headers={name.lower(): value for name, value in request.headers.items()},
        cookies=dict(request.cookies),
        is_form=is_form,
    )


def _response(request: web.Request, found: Answer) -> web.Response:
    response = web.Response(
        status=found.status,
        body=found.body,
        headers={hdrs.CONTENT_TYPE: found.content_type or _UNTYPED},
    )
    if found.set_cookie:
        response.headers[hdrs.SET_COOKIE] = found.set_cookie
    if len(found.body) > _SMALLEST_ZIPPED and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response
