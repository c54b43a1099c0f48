"""What the exit status of `mooring` says; documented in docs/cli.md."""

OK = 0
FAILED = 1
"""The operation, or a part of it, failed; the reason is on stderr (with --json also on stdout)."""
USAGE = 2
"""The command line is wrong, or a question could not be asked because nobody is there to answer."""
CHANGES = 7
"""`--expect-no-changes`, and there are changes (Pulumi uses the same number)."""
INTERRUPTED = 130
"""Ctrl-C (or SIGTERM): the operation stopped on request."""
