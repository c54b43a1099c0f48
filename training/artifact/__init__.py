"""The artifact folder: its manifest, digest, signature and records."""
