"""Why something cannot be done with the files of a config folder.

    FolderError
    ├── NameRefused         the name cannot be that of a file in the folder
    │   └── NameReserved        it is that of another file which lies there, with secrets
    ├── NoSuchConfig        there is no file of that name
    ├── AlreadyThere        there is one, and it was to be a new one
    ├── ChangedMeanwhile    somebody else has changed it since it was read
    ├── NotReadable         it cannot be read, or is no YAML
    ├── NotEditable         what is wanted cannot be written
    └── NotWritable         full disk, read-only, no permission; the old file is as it was

Every text is for the user, on one line, and holds nothing of a file's content.
"""

from __future__ import annotations

from qbm.errors import ConfigError


class FolderError(ConfigError):
    """Something that was asked of a config folder cannot be done."""


class NameRefused(FolderError):
    """Not the name of a file that lies plainly inside the folder."""


class NameReserved(NameRefused):
    """The name of a file that lies beside configs and is none."""


class NoSuchConfig(FolderError):
    """The folder has no file of that name, or none that fits the pattern."""


class AlreadyThere(FolderError):
    """The folder has a file of that name already."""


class ChangedMeanwhile(FolderError):
    """The file is not the one that was read before; its change would be lost."""


class NotReadable(FolderError):
    """The file cannot be read, or what it holds is no YAML."""


class NotEditable(FolderError):
    """The wanted data cannot stand in a config file."""


class NotWritable(FolderError):
    """The disk refuses; the file is as it was before."""
