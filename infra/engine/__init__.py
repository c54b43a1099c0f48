"""The embedded engine: the unmodified Pulumi program, in process, for what stays on this machine."""
