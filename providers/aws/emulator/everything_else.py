"""Every service but SageMaker: moto's, with errors in AWS's form."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from providers.aws.emulator.messages import Scope, StartResponse


class EverythingElse:
    """moto's dispatcher behind the emulator's front."""

    def __init__(self, folder: Path) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.folder = folder
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse, scope: Scope) -> Iterable[bytes]:
        """One request."""
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer

    def close(self) -> None:
        """Write down what is not yet."""
