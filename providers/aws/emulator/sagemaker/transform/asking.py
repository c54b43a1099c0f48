"""One payload to the model and its answer back, asked again where the model's server failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.aws.emulator.sagemaker.transform.data_processing import BadRecords, DataProcessing
from providers.aws.emulator.sagemaker.transform.model_server import Answer, ModelServer

CLIENT = "ClientError: See job logs for more information"
ALGORITHM = "AlgorithmError: See job logs for more information"
SECONDS, RETRIES = 600, 3
"""AWS's time for an answer, and how often it asks again."""


class NoAnswer(Exception):
    """An object that cannot be transformed: the job's `FailureReason`, and the lines for its log."""

    def __init__(self, reason: str, *lines: str) -> None:
        super().__init__(reason)
        self.reason, self.lines = reason, lines


class Asking:
    """How the payloads of one job are asked."""

    def __init__(self, job: Mapping[str, Any], processing: DataProcessing) -> None:
        client = job.get("ModelClientConfig") or {}
        self._seconds = float(client.get("InvocationsTimeoutInSeconds", SECONDS))
        self._retries = int(client.get("InvocationsMaxRetries", RETRIES))
        self._content_type = str(job["TransformInput"].get("ContentType") or "")
        self._accept = str(job["TransformOutput"].get("Accept") or "")
        self._processing = processing

    def answer(self, server: ModelServer, given: bytes) -> bytes:
        """What is kept of the answer to some records. Raises NoAnswer."""
        try:
            answer = self._ask(server, self._processing.payload(given))
            return self._processing.result(given, answer.body, self._accept or answer.content_type)
        except BadRecords as error:
            raise NoAnswer(CLIENT, f"ClientError: {error}") from error

    def _ask(self, server: ModelServer, payload: bytes) -> Answer:
        """A server's error is asked again, a client's is not."""
        told: list[str] = []
        for _ in range(self._retries + 1):
            try:
                answer = server.invoke(payload, self._content_type, self._accept, self._seconds)
            except TimeoutError:
                told = [f"Model server did not respond to /invocations request within {self._seconds:g} seconds"]
                continue
            except OSError:
                told = ["Unable to get response from algorithm"]
                if server.is_aborted or server.has_ended():
                    break
                continue
            if answer.status < 400:
                return answer
            said = ["", "Message:", *answer.body.decode("utf-8", errors="replace").strip().splitlines()]
            if answer.status < 500:
                raise NoAnswer(CLIENT, f"ClientError: {answer.status}", *said)
            told = [f"Bad HTTP status received from algorithm: {answer.status}", *said]
        raise NoAnswer(ALGORITHM, *told)
