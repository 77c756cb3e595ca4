"""The client of qBittorrent's Web API: where, how to get in, and what to read and write."""

from qbm.gateways.qbittorrent.capabilities import version_warning
from qbm.gateways.qbittorrent.client import QBittorrent, Server
from qbm.gateways.qbittorrent.connection import Connection, Timeouts, base_url, identity

__all__ = [
    "Connection",
    "QBittorrent",
    "Server",
    "Timeouts",
    "base_url",
    "identity",
    "version_warning",
]
