"""Threads that do tasks in the order of their coming, and that nobody waits for when the emulator ends.

`ThreadPoolExecutor` has its threads waited for at the end of the process, however long a model takes to answer.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Workers:
    """So many threads."""

    def __init__(self, count: int) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._count = count
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Have it done once a thread is free."""
        future: Future[T] = Future()
        self._tasks.put((future, task))
        return future

    def end(self) -> None:
        """Do nothing that is not begun, and end the threads."""
        while True:
            try:
                waiting = self._tasks.get_nowait()
            except queue.Empty:
                break
            if waiting is not None:
                waiting[0].cancel()
        for _ in range(self._count):
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, call = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it is whoever asks for the result who is told
                future.set_exception(error)
