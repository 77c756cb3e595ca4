"""A config file shown as JSON and changed as a person would, without a secret leaving it."""

from qbm.config.editing.edit import data_of, edited, written_anew

__all__ = ["data_of", "edited", "written_anew"]
