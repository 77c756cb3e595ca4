"""The service: every accepted run is kept, carried out once, and one at a time per server."""
