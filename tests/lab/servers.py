"""Starts and ends real qBittorrent servers: a fresh profile each, on loopback only.

A server that this process starts dies with it, even if it is killed with -9.
"""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import psutil
import trustme

from tests.lab.ports import free_port, is_free
from tests.lab.suites import Suite, Tree
from tests.lab.webapi import RefusedError, WebApi

_START_SECONDS = 30.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_START_ATTEMPTS = 3
_SALT = b"sixteen bytes of"

# The kernel ends a server when the *thread* that started it ends (PR_SET_PDEATHSIG), so all
# are started by this one, which lives as long as the process does.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-starter")

_RUNNING: dict[int, str] = {}


@dataclass(frozen=True, slots=True)
class Options:
    """How a server differs from one that lets everybody on loopback in over plain HTTP.

    ``preferences`` are those of ``app/setPreferences``; ``port`` 0 draws a free one.
    ``refresh_interval`` (milliseconds) is how late a write's effect shows: users have 1500,
    with which every step of a test waits for seconds.
    """

    login: bool = False
    username: str = "admin"
    password: str = "adminadmin"
    tls: bool = False
    port: int = 0
    refresh_interval: int = 100
    preferences: Mapping[str, Any] = field(default_factory=dict)


class StartError(Exception):
    """The server did not come up; the text holds the end of its output."""


@dataclass(slots=True)
class Server:
    """One qBittorrent, its profile and its save path, all under ``folder``.

    It can be stopped, killed and started again on the same port and profile. As a context
    manager it runs for the block.
    """

    tree: Tree
    folder: Path
    options: Options = field(default_factory=Options)
    port: int = 0
    version: str = ""
    webapi_version: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _api: WebApi | None = None

    @property
    def suite(self) -> Suite:
        """The Debian suite it is from."""
        return self.tree.suite

    @property
    def url(self) -> str:
        """Where its Web UI answers; ``localhost`` with TLS, as its certificate says."""
        return (
            f"https://localhost:{self.port}"
            if self.options.tls
            else f"http://127.0.0.1:{self.port}"
        )

    @property
    def username(self) -> str:
        """Its only user."""
        return self.options.username

    @property
    def password(self) -> str:
        """Its user's password."""
        return self.options.password

    @property
    def save_path(self) -> Path:
        """Its default save path."""
        return self.folder / "downloads"

    @property
    def profile(self) -> Path:
        """The folder of its profile."""
        return self.folder / "profile"

    @property
    def torrents_folder(self) -> Path:
        """Where it keeps ``.torrent`` and ``.fastresume`` files (``BT_backup``)."""
        return self.profile / "qBittorrent/data/BT_backup"

    @property
    def ca_file(self) -> Path | None:
        """The authority that signed its certificate; None without TLS."""
        return self.folder / "ca.pem" if self.options.tls else None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self.is_running and self._process else None

    @property
    def is_running(self) -> bool:
        """Its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def api(self) -> WebApi:
        """A raw client, logged in; the same one until the server is stopped."""
        if self._api is None:
            self._api = self._connect()
        return self._api

    def start(self) -> Self:
        """Starts it and waits until it answers; the first start lays out the profile.

        Raises:
            StartError: it ended, or did not answer in time, or its fixed port is taken.
        """
        is_first = not self.profile.exists()
        if is_first:
            self._lay_out()
        for attempt in range(1, _START_ATTEMPTS + 1):
            if self._try_start():
                break
            # Somebody took the port between our look and its bind: only a drawn port can move.
            self.kill()
            if self.options.port or not is_first or attempt == _START_ATTEMPTS:
                raise StartError(f"port {self.port} is taken\n{self._output()}")
            self.port = 0
        self.version = str(self.api.get("app/version")).removeprefix("v")
        self.webapi_version = str(self.api.get("app/webapiVersion"))
        if is_first and self.options.preferences:
            self.api.set_preferences(**self.options.preferences)
        return self

    def stop(self) -> None:
        """Asks it to end (SIGTERM) and waits; kills it after a minute."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it with SIGKILL: what it had not saved is lost."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _lay_out(self) -> None:
        self.save_path.mkdir(parents=True, exist_ok=True)
        config = self.profile / "qBittorrent/config"
        config.mkdir(parents=True)
        if self.options.tls:
            _issue_certificate(self.folder)
        self.port = self.options.port

    def _write_config(self, bittorrent_port: int) -> None:
        file = self.profile / "qBittorrent/config/qBittorrent.conf"
        if not file.exists():
            file.write_text(_config(self, bittorrent_port), encoding="utf-8")

    def _try_start(self) -> bool:
        """Starts it once; False if it runs but does not listen on its port."""
        if self.port and not is_free(self.port):
            return False
        self.port = self.port or free_port()
        self._write_config(free_port())
        self._process = _STARTER.submit(self._spawn).result()
        _RUNNING[self._process.pid] = f"qBittorrent of {self.suite} on port {self.port}"
        with WebApi(self.url, self.ca_file) as probe:
            self._wait_for(probe)
        return self._listens()

    def _wait_for(self, probe: WebApi) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(probe):
            if not self.is_running or time.monotonic() > deadline:
                output = self._output()
                self.kill()
                raise StartError(f"qBittorrent of {self.suite} does not answer\n{output}")
            time.sleep(_POLL_SECONDS)

    def _spawn(self) -> subprocess.Popen[bytes]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        with (self.folder / "output.txt").open("ab") as output:
            return subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", "--"),
                    *self.tree.command,
                    f"--profile={self.profile}",
                    f"--webui-port={self.port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={"HOME": str(home), "PATH": os.environ["PATH"], **self.tree.environment},
            )

    def _listens(self) -> bool:
        """It is this process, and no other, that listens on the port."""
        assert self._process
        connections = psutil.Process(self._process.pid).net_connections("tcp4")
        return any(
            row.status == psutil.CONN_LISTEN and row.laddr.port == self.port for row in connections
        )

    def _connect(self) -> WebApi:
        api = WebApi(self.url, self.ca_file)
        if self.options.login:
            api.login(self.username, self.password)
        return api

    def _end(self, by: signal.Signals) -> None:
        if self._api:
            self._api.close()
            self._api = None
        if self._process is None:
            return
        self._process.send_signal(by)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _RUNNING.pop(self._process.pid, None)
        self._process = None

    def _output(self) -> str:
        output = self.folder / "output.txt"
        return (
            output.read_text(encoding="utf-8", errors="replace")[-2000:] if output.exists() else ""
        )


class StartServer(Protocol):
    """Starts a server that ends with the test; ``options`` are those of ``servers.Options``."""

    def __call__(self, suite: Suite = Suite.TRIXIE, **options: Any) -> Server: ...


class StartServers(Protocol):
    """Starts one server per suite, all at the same time; they end with the test."""

    def __call__(self, suites: Iterable[Suite] = Suite, **options: Any) -> list[Server]: ...


def running() -> list[str]:
    """The servers that this process has started and not ended."""
    return [f"{name} (pid {pid})" for pid, name in _RUNNING.items()]


# What changes by itself while nobody does anything. 4.x fills `tracker` once one works; the
# trackers' addresses also stand in magnet_uri.
_VOLATILE = frozenset(
    {"time_active", "seeding_time", "last_activity", "reannounce", "eta", "popularity"}
    | {"num_seeds", "num_leechs", "num_complete", "num_incomplete", "seen_complete"}
    | {"availability", "ratio", "tracker"},
)


def state_of(server: Server) -> dict[str, Any]:
    """All that a user could change: torrents (by hash), categories, tags and preferences.

    Flat: ``torrents/<hash>/category`` and the like, so that differences can be named.
    """
    api = server.api
    flat = {
        # 4.2.5 keeps no order of tags.
        f"torrents/{row['hash']}/{name}": sorted(value.split(", ")) if name == "tags" else value
        for row in api.torrents()
        for name, value in row.items()
        if name not in _VOLATILE
    }
    flat |= {f"categories/{name}": value for name, value in api.categories().items()}
    flat |= {f"tags/{name}": True for name in api.tags()}
    flat |= {f"preferences/{name}": value for name, value in api.preferences().items()}
    return flat


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between two states, one line each."""
    nothing = object()
    return [
        f"{name}: {before.get(name, 'nothing')!r} -> {after.get(name, 'nothing')!r}"
        for name in sorted({*before, *after})
        if before.get(name, nothing) != after.get(name, nothing)
    ]


def _answers(probe: WebApi) -> bool:
    try:
        probe.get("app/version")
    except RefusedError as refused:
        return refused.status in {401, 403}
    except (OSError, HTTPException):
        probe.close()
        return False
    return True


@lru_cache
def _password_hash(password: str) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), _SALT, 100_000)
    encoded = (base64.b64encode(part).decode() for part in (_SALT, digest))
    return f'"@ByteArray({":".join(encoded)})"'


def _issue_certificate(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
    (folder / "certificate.pem").write_bytes(chain)


def _config(server: Server, bittorrent_port: int) -> str:
    """A profile that never leaves the machine; each version reads its own spelling of a key."""
    off, on = "false", "true"
    sections: dict[str, dict[str, object]] = {
        "BitTorrent": {
            r"Session\AddTrackersEnabled": off,
            r"Session\AnnounceToAllTrackers": on,
            r"Session\AnnounceToAllTiers": on,
            r"Session\BTProtocol": "TCP",
            r"Session\DHTEnabled": off,
            r"Session\LSDEnabled": off,
            r"Session\PeXEnabled": off,
            r"Session\DefaultSavePath": server.save_path,
            r"Session\DisableAutoTMMByDefault": on,
            r"Session\Interface": "lo",
            r"Session\InterfaceAddress": "127.0.0.1",
            r"Session\InterfaceName": "lo",
            r"Session\Port": bittorrent_port,
            r"Session\QueueingSystemEnabled": off,
            r"Session\RefreshInterval": server.options.refresh_interval,
        },
        "LegalNotice": {"Accepted": on},
        "Network": {"PortForwardingEnabled": off},
        "Preferences": {
            r"Bittorrent\DHT": off,
            r"Bittorrent\LSD": off,
            r"Bittorrent\PeX": off,
            r"Connection\Interface": "lo",
            r"Connection\InterfaceAddress": "127.0.0.1",
            r"Connection\InterfaceName": "lo",
            r"Connection\PortRangeMin": bittorrent_port,
            # Else it asks the network for a list of countries.
            r"Connection\ResolvePeerCountries": off,
            r"Connection\UPnP": off,
            r"Downloads\SavePath": f"{server.save_path}/",
            r"General\Locale": "en",
            r"Queueing\QueueingEnabled": off,
            r"WebUI\Address": "127.0.0.1",
            r"WebUI\LocalHostAuth": on if server.options.login else off,
            r"WebUI\Port": server.port,
            r"WebUI\Username": server.username,
            r"WebUI\Password_PBKDF2": _password_hash(server.password),
        }
        | (_tls_keys(server.folder) if server.options.tls else {}),
    }
    return "\n".join(
        f"[{section}]\n" + "".join(f"{name}={value}\n" for name, value in keys.items())
        for section, keys in sections.items()
    )


def _tls_keys(folder: Path) -> dict[str, object]:
    return {
        r"WebUI\HTTPS\Enabled": "true",
        r"WebUI\HTTPS\CertificatePath": folder / "certificate.pem",
        r"WebUI\HTTPS\KeyPath": folder / "key.pem",
    }
