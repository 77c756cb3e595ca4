"""Records what the older tool's Web API answers: the makers of ``tests/cases/classic_api``."""
