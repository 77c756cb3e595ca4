"""A raw, blocking client of qBittorrent's Web API: what the lab builds and reads back with.

It knows nothing of the client under test and interprets nothing: JSON comes back as it came.
"""

from __future__ import annotations

import json
import ssl
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

_TIMEOUT = 60.0

Form = Mapping[str, str | int | float | bool]


class RefusedError(Exception):
    """The server answered with a status other than success."""

    def __init__(self, path: str, status: int, body: str) -> None:
        super().__init__(f"{path} answered {status}: {body[:200]!r}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class File:
    """A file of a multipart form."""

    name: str
    content: bytes


@dataclass(slots=True)
class WebApi:
    """One kept connection to a server, and the session cookie it gave.

    Not for use by several threads at once.
    """

    url: str
    ca_file: Path | None = None
    _cookie: str = ""
    _connection: HTTPConnection | None = field(default=None, repr=False)

    def login(self, username: str, password: str) -> None:
        """Logs in with the form; 5.3 answers 204, the others 200 ``Ok.``.

        Raises:
            RefusedError: the server does not take them.
        """
        answer = self.post("auth/login", username=username, password=password)
        if answer not in {"Ok.", ""}:
            raise RefusedError("auth/login", 200, answer)

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON that ``api/v2/<path>`` answers, or its text where it is none."""
        asked = f"{path}?{urlencode(query)}" if query else path
        text = self._request("GET", asked).decode()
        return json.loads(text) if text[:1] in {"{", "["} else text

    def get_bytes(self, path: str, **query: str | int) -> bytes:
        """The body of ``api/v2/<path>`` as it came."""
        return self._request("GET", f"{path}?{urlencode(query)}")

    def post(self, path: str, **form: str | float | bool) -> str:
        """Posts a form (True and False become ``true`` and ``false``) and answers the text."""
        body = urlencode({name: _plain(value) for name, value in form.items()}).encode()
        kind = "application/x-www-form-urlencoded"
        return self._request("POST", path, body, kind).decode()

    def upload(self, path: str, form: Form, files: Iterable[File]) -> str:
        """Posts a multipart form with files, each in a field named ``torrents``."""
        boundary = uuid.uuid4().hex
        body = _multipart(boundary, form, files)
        kind = f"multipart/form-data; boundary={boundary}"
        return self._request("POST", path, body, kind).decode()

    def close(self) -> None:
        """Ends the connection; the next request opens another."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # What a builder and a test read most.

    def torrents(self, **query: str | int) -> list[dict[str, Any]]:
        """``torrents/info``."""
        found: list[dict[str, Any]] = self.get("torrents/info", **query)
        return found

    def by_hash(self) -> dict[str, dict[str, Any]]:
        """``torrents/info`` by the server's ``hash``."""
        return {torrent["hash"]: torrent for torrent in self.torrents()}

    def trackers(self, torrent_hash: str) -> list[dict[str, Any]]:
        """``torrents/trackers`` of one torrent without the rows of DHT, PeX and LSD."""
        rows: list[dict[str, Any]] = self.get("torrents/trackers", hash=torrent_hash)
        return [row for row in rows if "://" in row["url"]]

    def files(self, torrent_hash: str) -> list[dict[str, Any]]:
        """``torrents/files`` of one torrent."""
        rows: list[dict[str, Any]] = self.get("torrents/files", hash=torrent_hash)
        return rows

    def categories(self) -> dict[str, dict[str, Any]]:
        """``torrents/categories``."""
        found: dict[str, dict[str, Any]] = self.get("torrents/categories")
        return found

    def tags(self) -> list[str]:
        """``torrents/tags``, sorted."""
        return sorted(self.get("torrents/tags"))

    def preferences(self) -> dict[str, Any]:
        """``app/preferences``."""
        found: dict[str, Any] = self.get("app/preferences")
        return found

    def set_preferences(self, **preferences: Any) -> None:
        """``app/setPreferences``; an unknown name is ignored by the server."""
        self.post("app/setPreferences", json=json.dumps(preferences))

    def _request(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        headers = {"Host": urlsplit(self.url).netloc}
        if kind:
            headers["Content-Type"] = kind
        if self._cookie:
            headers["Cookie"] = self._cookie
        try:
            return self._exchange(method, path, body, headers)
        except (HTTPException, ConnectionError):
            # An idle connection is closed by the server after some seconds.
            self.close()
            return self._exchange(method, path, body, headers)

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> bytes:
        if self._connection is None:
            self._connection = self._connect()
        base = urlsplit(self.url).path.rstrip("/")
        self._connection.request(method, f"{base}/api/v2/{path}", body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if given := response.getheader("Set-Cookie"):
            self._cookie = given.partition(";")[0]
        if response.status >= 300:
            raise RefusedError(path.partition("?")[0], response.status, content.decode())
        return content

    def _connect(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self.ca_file)
            return HTTPSConnection(host, port, timeout=_TIMEOUT, context=context)
        return HTTPConnection(host, port, timeout=_TIMEOUT)


def _plain(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _multipart(boundary: str, form: Form, files: Iterable[File]) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + _plain(value).encode()
        for name, value in form.items()
    ]
    parts += [
        f'--{boundary}\r\nContent-Disposition: form-data; name="torrents"; '
        f'filename="{file.name}"\r\nContent-Type: application/x-bittorrent\r\n\r\n'.encode()
        + file.content
        for file in files
    ]
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])
