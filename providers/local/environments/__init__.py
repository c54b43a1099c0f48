"""The Python environments of jobs and servers."""
