"""The Web API: one file per resource, each of them thin; ``app.create_app`` puts them together."""
