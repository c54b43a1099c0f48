"""Behind an endpoint: its servers, its checks, its logs, and how it changes over."""
