"""Snapshots of databases and HTTP APIs as files: rows are streamed, and never all in memory."""
