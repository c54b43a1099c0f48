"""moto's services behind the emulator's front: what may be asked, in which order, and what is made of the answer."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Application, Reply, Scope, StartResponse
from providers.aws.emulator.moto import (
    alarm_loop,
    aws_policies,
    contents,
    gates,
    loading,
    own,
    refusals,
)
from providers.aws.emulator.moto.alarm_loop import AlarmLoop
from providers.aws.emulator.moto.asked import SERVICES, Asked
from providers.aws.emulator.moto.checks import check
from providers.aws.emulator.moto.saver import Saver
from providers.aws.emulator.moto.snapshots import Snapshots

_TOUCHES = {"s3control": ("s3",), "s3": ("sns",), "cloudwatch": ("sns",)}
"""Other services that a change in one may change."""


class EverythingElse:
    """The services. `folder` keeps their state."""

    def __init__(self, folder: Path) -> None:
        self._services = frozenset(SERVICES.values())
        self._files = Snapshots(folder, self._services)
        contents.place(folder)
        loading.install(self._files)
        self._saver = Saver(self._files, self._services)
        self._alarms = AlarmLoop(self._saver.changed, alarm_loop.SERVICE in self._files.services_kept())
        self._applications: dict[str, Application] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse, scope: Scope) -> Iterable[bytes]:
        """One request."""
        asked = Asked.of(environ, scope)
        try:
            return self._answer(asked, start_response)
        except ApiError as error:
            return refusals.reply(asked, error).send(start_response)
        except NotImplementedError:
            return refusals.reply(asked, refusals.not_emulated(asked)).send(start_response)
        except Exception as error:  # noqa: BLE001 - a defect of moto's or ours: told as one, and the server goes on
            traceback.print_exc(file=sys.stderr)
            return refusals.reply(asked, refusals.failure(asked, error)).send(start_response)

    def settle(self) -> None:
        """Return when all that was answered is on disk."""
        self._saver.settle()

    def close(self) -> None:
        """Write down what is not yet."""
        self._alarms.close()
        self._saver.close()

    def _answer(self, asked: Asked, start_response: StartResponse) -> Iterable[bytes]:
        if not asked.backend:
            raise refusals.not_emulated(asked)
        application = self._application(asked.backend)
        if asked.service == "iam":
            aws_policies.provide(asked)
        gate = gates.of(asked.backend)
        if asked.is_read:
            with gate.reading():
                answer = self._carry_out(asked, application)
        else:
            with gate.changing():
                answer = self._carry_out(asked, application)
            for service in (asked.backend, *_TOUCHES.get(asked.backend, ())):
                self._saver.changed(service, asked.region)
            if asked.backend == alarm_loop.SERVICE:
                self._alarms.look()
        self._saver.seen(asked.backend)
        return answer.send(start_response)

    def _carry_out(self, asked: Asked, application: Application) -> _Answer:
        check(asked)
        ours = own.answer(asked)
        if ours is not None:
            return _Answer.of(ours)
        answer = _Answer()
        answer.body = application(asked.environ, answer.start)
        asked.environ.pop("werkzeug.request", None)  # refers to what holds it, and to the body
        answer.look(asked)
        if answer.status[:1] == "2":
            own.follow(asked)
        return answer

    def _application(self, backend: str) -> Application:
        with self._lock:
            if backend not in self._applications:
                from moto.moto_server import werkzeug_app

                werkzeug_app.DISABLE_GLOBAL_CORS = True
                made = werkzeug_app.create_backend_app(backend)
                made.debug = False  # Flask would make a class for each request, which holds its body for long
                made.config["PROPAGATE_EXCEPTIONS"] = True
                self._applications[backend] = made
            return self._applications[backend]


class _Answer:
    """An answer that can be looked at before it is sent."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.body: Iterable[bytes] = ()

    @classmethod
    def of(cls, reply: Reply) -> _Answer:
        answer = cls()
        answer.body = reply.send(answer.start)
        return answer

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        self.status, self.headers = status, headers

    def look(self, asked: Asked) -> None:
        """Raise ApiError for what no AWS client can read: a web server's page, or nothing at all."""
        if self.status[:1] not in ("4", "5") or asked.method == "HEAD":
            return
        body = b"".join(self.body)
        self.body = [body]
        if body[:9].lower().startswith((b"<!doctype", b"<html")) or (not body and asked.service != "s3"):
            raise refusals.not_emulated(asked)
        if not body and self.status.startswith("403"):
            raise ApiError("AccessDenied", "Access Denied", 403)

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self.status, self.headers)
        return self.body
