"""One JSON request to an application, without a socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from serving.app import App
from serving.http import Reply, Request


def post(app: App, path: str, document: Any) -> Any:
    """The reply's JSON."""

    async def answered() -> Reply:
        found = app.answer(Request("POST", path, [], json.dumps(document).encode()))
        return found if isinstance(found, Reply) else await found

    return json.loads(asyncio.run(answered()).body)
