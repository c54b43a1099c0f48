"""A replica of one deployment: its connections, its queue, and whether it takes requests."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from providers.local.router.exchange import Exchange
from providers.local.router.table import Address, Route
from providers.local.router.upstream import Upstream

if TYPE_CHECKING:
    from providers.local.router.proxy import Proxy

MOST_CONNECTIONS = 128
LONGEST_QUEUE = 1024
CONNECT_SECONDS = 2.0


class Replica:
    """`up` is what the last connection or probe said. A retired one finishes what it has and closes."""

    def __init__(self, proxy: Proxy, route: Route, address: Address) -> None:
        self._proxy = proxy
        self.route = route
        self.address = address
        self.up = True
        self.misses = 0
        self.retired = False
        self.load = 0
        self.turn = 0
        self._idle: list[Upstream] = []
        self._open: set[Upstream] = set()
        self._connecting = 0
        self._waiting: deque[Exchange] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def rank(self) -> tuple[int, int]:
        """The smallest is the next to be used."""
        return self.load, self.turn

    def carry(self, exchange: Exchange) -> bool:
        """Send `exchange` over a free connection, a new one, or when there is one; False when the queue is full."""
        if not exchange.fresh_only:
            while self._idle:
                upstream = self._idle.pop()
                if upstream.usable:
                    self.load += 1
                    upstream.begin(exchange)
                    return True
        if len(self._open) + self._connecting >= MOST_CONNECTIONS:
            if len(self._waiting) >= LONGEST_QUEUE:
                return False
            self.load += 1
            self._waiting.append(exchange)
            return True
        self.load += 1
        self._connecting += 1
        task = asyncio.get_running_loop().create_task(self._connect(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _connect(self, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, upstream = await asyncio.wait_for(
                loop.create_connection(
                    lambda: Upstream(self._proxy, self), host=self.address.host, port=self.address.port
                ),
                CONNECT_SECONDS,
            )
        except (OSError, TimeoutError) as error:
            self._connecting -= 1
            self.up = False
            self._proxy.attempt_refused(self, exchange, error)
            while self._waiting and not self._open and not self._connecting:
                self._proxy.attempt_refused(self, self._waiting.popleft(), error)
            return
        self._connecting -= 1
        self._open.add(upstream)
        self.up = True
        if exchange.finished or exchange.client.gone:
            self.load -= 1
            self.release(upstream)
        else:
            upstream.begin(exchange)

    def release(self, upstream: Upstream) -> None:
        """A connection is free: the next in the queue takes it, else it waits."""
        while self._waiting and upstream.usable:
            exchange = self._waiting.popleft()
            if exchange.finished or exchange.client.gone:
                self.load -= 1
                continue
            upstream.begin(exchange)
            return
        if not upstream.usable:
            return
        if self.retired:
            upstream.abandon()
        else:
            self._idle.append(upstream)

    def lost(self, upstream: Upstream) -> None:
        """A connection is closed; somebody in the queue gets a new one."""
        self._open.discard(upstream)
        if upstream in self._idle:
            self._idle.remove(upstream)
        if self._waiting:
            exchange = self._waiting.popleft()
            self.load -= 1
            if not (exchange.finished or exchange.client.gone):
                self.carry(exchange)

    def retire(self) -> None:
        """Take no more requests; close what is idle."""
        self.retired = True
        idle, self._idle = self._idle, []
        for upstream in idle:
            upstream.abandon()
