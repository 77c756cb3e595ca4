"""What trackers say and mean: the lists that judging goes by, and nothing else.

Source: spec, *rem_unregistered and tag_tracker_error*, step 3; measured on 4.2.5, 4.5.2, 5.1.0
and 5.3.0. Read in upper case, without URLs, and in this order: outage, maintenance,
unregistered. A single word is looked for as a whole word, a phrase anywhere. People add their
own: ``tracker_messages``, the same keys under an entry of ``tracker``, and
``rem_unregistered_ignore_list``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OUTAGE: Final = (
    "down",
    "may be down",
    "unreachable",
    "bad gateway",
    "tracker unavailable",
)
"""The tracker is down."""

MAINTENANCE: Final = (
    "you have reached the client limit for this torrent",
    "missing info_hash",
    "expected value (list, dict, int or string) in bencoded string",
    "could not parse bencoded data",
    "unexpected end of file in bencoded string",  # the connection was cut
    "stream truncated",
    "gateway timeout",
    "gateway time-out",  # as nginx spells it
    "announce is currently unavailable",
    "torrent has been postponed",
    "520 (unknown http error)",
    "timed out",
    "connection refused",
    "host not found",
)
"""Not now, or not the torrent's fault."""

MAINTENANCE_PARTS: Final = ("passkey",)
"""The same, found inside of longer words too: ``passkeys``, ``torrent_passkey``."""

MAINTENANCE_WHOLE: Final = ("", "not found")
"""The same, if it is the whole message: HTTP 404, and what 4.2.5 says of most failures."""

UNREGISTERED: Final = (
    "unregistered",
    "torrent not found",
    "torrent is not found",
    "not registered",
    "not exist",
    "unknown torrent",
    "trump",
    "trumped",
    "retitled",
    "truncated",
    "torrent is not authorized for use on this tracker",
    "infohash not found",
    "torrent has been deleted",
    "torrent deleted",
    "torrent banned",
    "tracker nicht registriert",
    "torrent existiert nicht",
    "torrent nicht gefunden",
    "torrent introuvable",
)
"""The tracker does not know the torrent, or no longer."""

UNREGISTERED_AT: Final[Mapping[str, tuple[str, ...]]] = {
    "tracker.beyond-hd.me": (
        "dead",
        "dupe",
        "complete season uploaded",
        "problem with description",
        "problem with file",
        "problem with pack",
        "specifically banned",
        "trumped",
        "other",
        "torrent has been deleted",
        "nuked",
        "season pack",
        "season pack out",
        "season pack uploaded",
    ),
}
"""The same for one tracker host alone, if it is all that stands before the first colon."""

HTTP_REASONS: Final = frozenset(
    {
        "bad request",
        "unauthorized",
        "payment required",
        "forbidden",
        "not found",
        "method not allowed",
        "not acceptable",
        "proxy authentication required",
        "request timeout",
        "request time-out",
        "conflict",
        "gone",
        "length required",
        "precondition failed",
        "payload too large",
        "content too large",
        "request entity too large",
        "uri too long",
        "request-uri too long",
        "request-uri too large",
        "unsupported media type",
        "expectation failed",
        "i'm a teapot",
        "misdirected request",
        "unprocessable entity",
        "unprocessable content",
        "locked",
        "too early",
        "upgrade required",
        "too many requests",
        "request header fields too large",
        "unavailable for legal reasons",
        "internal server error",
        "not implemented",
        "bad gateway",
        "service unavailable",
        "service temporarily unavailable",
        "gateway timeout",
        "gateway time-out",
        "http version not supported",
    }
)
"""What a web server says, not a tracker, if it is the whole message."""

TRANSPORT: Final = (
    # the resolver
    "host not found",
    "no such host is known",
    "name or service not known",
    "temporary failure in name resolution",
    "non-recoverable error occurred during database lookup",
    "the query is valid, but it does not have associated data",
    "service not found",
    # sockets and TLS
    "connection refused",
    "connection reset",
    "connection aborted",
    "connection timed out",
    "operation timed out",
    "operation canceled",
    "operation aborted",
    "network is down",
    "network is unreachable",
    "network unreachable",
    "host is down",
    "no route to host",
    "host unreachable",
    "broken pipe",
    "end of file",
    "actively refused it",
    "did not properly respond",
    "forcibly closed",
    "certificate verify failed",
    "stream truncated",
    "unsupported url protocol",
    "blocked by ssrf mitigation",
)
"""Phrases of this machine's own, not of a tracker, wherever they stand in the message."""
