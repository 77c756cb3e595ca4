"""Looks after a qBittorrent server."""

__version__ = "0.1.0"
