"""The client of qBittorrent's Web API: where, how to get in, and what to read and write."""

from qbm.gateways.qbittorrent.capabilities import version_warning
from qbm.gateways.qbittorrent.client import MOST_HASHES, QBittorrent, Server
from qbm.gateways.qbittorrent.connection import Connection, Timeouts, base_url, identity

__all__ = [
    "MOST_HASHES",
    "Connection",
    "QBittorrent",
    "Server",
    "Timeouts",
    "base_url",
    "identity",
    "version_warning",
]
