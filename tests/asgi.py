"""Calls an ASGI app in this process, with every byte and the socket's address under control."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

LOCAL = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are in lower case. ``read`` counts bytes of the body taken."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    read: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        detail = self.json["detail"]
        assert isinstance(detail, str)
        return detail


@dataclass(slots=True)
class Client:
    """A caller at ``address``, which sends ``headers`` with each request."""

    app: ASGIApp
    address: str | None = LOCAL
    headers: dict[str, str] = field(default_factory=lambda: {"host": "localhost:8080"})

    async def get(self, path: str, **facts: Any) -> Answer:
        return await self.ask("GET", path, **facts)

    async def post(self, path: str, body: Any, **facts: Any) -> Answer:
        return await self.ask("POST", path, body=body, **facts)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        chunks: Iterable[bytes] | None = None,
    ) -> Answer:
        """One request. ``body`` is sent as JSON unless it is bytes; ``chunks`` without a length."""
        sent = [*self.headers.items(), *dict(headers).items()]
        if chunks is None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            chunks = [b"" if body is None else raw]
            if body is not None:
                sent.append(("content-length", str(len(raw))))
                if "content-type" not in dict(sent):
                    sent.append(("content-type", "application/json"))
        call = _Call(chunks)
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent],
            "client": (self.address, 50000) if self.address else None,
            "server": (LOCAL, 8080),
        }
        await self.app(scope, call.receive, call.send)
        return call.answer()


class _Call:
    """One request's two ends."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = self._messages(chunks)
        self._read = 0
        self._sent: list[Message] = []

    async def receive(self) -> Message:
        return await anext(self._chunks)

    async def send(self, message: Message) -> None:
        self._sent.append(message)

    async def _messages(self, chunks: Iterable[bytes]) -> AsyncIterator[Message]:
        for chunk in chunks:
            self._read += len(chunk)
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()  # a client that stays

    def answer(self) -> Answer:
        start, *rest = self._sent
        return Answer(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            b"".join(each.get("body", b"") for each in rest),
            self._read,
        )
