"""Every error that can end a run, and the exit code it ends a command line with.

    QbmError                        1
    ├── UsageError                  2   wrong arguments, before anything ran
    ├── ConfigError                 2   the file is wrong; carries every problem found
    ├── ServerError                 3   the server cannot be talked to
    │   ├── ServerUnreachable           nobody answers there, or the name is unknown
    │   ├── ServerTimeout               it answers too slowly
    │   ├── CertificateRejected         its certificate is not trusted
    │   ├── NotQBittorrent              something else answers there
    │   ├── LoginRefused                wrong user, password or API key, or banned
    │   └── RequestFailed           1   it answered, but not with success
    │       └── ServerFault                 with a fault of its own: what it did is not known
    ├── StoreError                  1   the state folder or its database
    │   ├── StoreUnwritable             full disk, no permission, read-only
    │   └── StoreTooNew                 written by a newer qbm
    ├── DiskError                   1   a file could not be read, moved or deleted
    ├── LeaseLost                   1   another run has taken this server over
    ├── ShuttingDown                1   the server is about to end; what it has accepted stays
    └── Interrupted               130   Ctrl-C or SIGTERM, between two changes
        └── Suspended                   a server's end; the run goes on at the next start

An error's text is for the user: what happened, where, and what to do. No text holds a
password, an API key or a passkey. An error means that the run cannot go on; what a run
may well meet (a stale change, a torrent that is gone) is a value, not an error.
"""

from __future__ import annotations

from typing import ClassVar


class QbmError(Exception):
    """The root: any error that qbm raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(QbmError):
    """Wrong arguments or variables; nothing has run."""

    exit_code = 2


class ConfigError(QbmError):
    """The config cannot be used; its text lists every problem with its place."""

    exit_code = 2


class ServerError(QbmError):
    """The qBittorrent server cannot be talked to."""

    exit_code = 3


class ServerUnreachable(ServerError):
    """Nothing answers at the address, or its name cannot be resolved."""


class ServerTimeout(ServerError):
    """The server took longer than the request's time-out."""


class CertificateRejected(ServerError):
    """The server's TLS certificate is not trusted."""


class NotQBittorrent(ServerError):
    """Something answers at the address, but it is not a qBittorrent Web API."""


class LoginRefused(ServerError):
    """The server refuses the user, the password or the API key, or has banned this address."""


class RequestFailed(ServerError):
    """The server answered a request with a status that means failure."""

    exit_code = 1


class ServerFault(RequestFailed):
    """The server, or a proxy before it, answered with a fault (5xx); it may have done it."""


class StoreError(QbmError):
    """The state folder or the database in it cannot be used."""


class StoreUnwritable(StoreError):
    """The disk is full, the folder is read-only, or a permission is missing."""


class StoreTooNew(StoreError):
    """The database was written by a newer version of qbm."""


class DiskError(QbmError):
    """A file or folder on this machine cannot be read, moved or deleted."""


class LeaseLost(QbmError):
    """Another run holds this server now; this one must not go on."""


class ShuttingDown(QbmError):
    """The server is about to end; what it has accepted it does at its next start."""


class Interrupted(QbmError):
    """The user asked to stop; the run ended between two changes."""

    exit_code = 130


class Suspended(Interrupted):
    """The server ends; the run stopped between two changes and goes on at the next start."""
