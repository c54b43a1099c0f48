"""One JSON request to an application, without a socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from serving.app import App


def post(app: App, path: str, document: Any) -> Any:
    """The reply's JSON."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(document).encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app({"type": "http", "method": "POST", "path": path, "headers": []}, receive, send))
    return json.loads(sent[1]["body"])
