"""Bringing back what runs have put away: torrents with their files, and orphans."""
