"""Removing a torrent so that nothing is lost: what becomes of its files, and the steps."""
