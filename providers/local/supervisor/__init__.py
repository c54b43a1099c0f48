"""The local cloud's supervisor: one process a home that keeps what should run running.

Desired state is files in the home (`services/<name>/service.json`, `endpoints/<id>/endpoint.json`), so a
supervisor that was killed is replaced by the next command and takes up again what it finds. Its children
live in sessions of their own, survive it, and are adopted by its successor. Everything here is standard
library only (psutil where /proc is missing): starting it must take a fraction of a second.
"""
