"""What the disk holds beside the torrents: files without an owner, and hard links."""
