"""The heart of the router: gives requests to replicas, repeats what is safe to repeat, counts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from providers.local.router import metrics, replies
from providers.local.router.choice import Deck
from providers.local.router.downstream import Downstream
from providers.local.router.exchange import Exchange
from providers.local.router.replica import Replica
from providers.local.router.stats import Stats
from providers.local.router.table import Address, Table
from providers.local.router.upstream import Upstream

MOST_ATTEMPTS = 4
LOGGED_A_SECOND = 20


class Proxy:
    """One endpoint's routes, replicas, clients and counters."""

    def __init__(self, table: Table, seed: int | None = None) -> None:
        self.stats = Stats()
        self.clients: set[Downstream] = set()
        self.active: set[Exchange] = set()
        self.draining = False
        self._seed = seed
        self._replicas: dict[tuple[str, Address], Replica] = {}
        self._by_slot: dict[str, list[Replica]] = {}
        self._retired: set[Replica] = set()
        self._turn = 0
        self._logged = (0, 0)
        self.swap(table)

    # The table

    def swap(self, table: Table) -> None:
        """Route by `table` from the next request on; replicas it no longer has finish what they have."""
        kept: dict[tuple[str, Address], Replica] = {}
        by_slot: dict[str, list[Replica]] = {}
        for route in table.routes:
            self.stats.slot(route).route = route
            for address in route.replicas:
                key = (route.slot, address)
                replica = self._replicas.get(key) or Replica(self, route, address)
                replica.route = route
                kept[key] = replica
                by_slot.setdefault(route.slot, []).append(replica)
        gone = [replica for key, replica in self._replicas.items() if key not in kept]
        self.table = table
        self._replicas, self._by_slot = kept, by_slot
        self._routes = {route.slot: route for route in table.routes}
        self._deck: Deck[str] = Deck([(route.slot, route.weight) for route in table.routes], self._seed)
        self.stats.forget(self._routes)
        for replica in gone:
            replica.retire()
        self._retired |= set(gone)

    def retired(self) -> dict[str, int]:
        """Requests under way on replicas that the table no longer has, by `slot@port`."""
        self._retired = {one for one in self._retired if one.load > 0}
        return {f"{one.route.slot}@{one.address.port}": one.load for one in self._retired}

    @property
    def replicas(self) -> Iterator[Replica]:
        """All that the table names."""
        yield from self._replicas.values()

    # One request

    def start(self, exchange: Exchange) -> None:
        """A client's request is here (or enough of it)."""
        self.active.add(exchange)
        exchange.started = time.monotonic()
        if exchange.wanted is None:
            path = exchange.target.partition(b"?")[0]
            if path == b"/metrics":
                return self._own_page(exchange, metrics.render(self.stats, self.replicas), metrics.CONTENT_TYPE)
            if path == b"/healthz":
                return self._health(exchange)
            slot = self._deck.deal()
        else:
            slot = self._named(exchange.wanted)
            if slot is None:
                names = sorted({route.deployment for route in self.table.routes})
                text = f"no deployment '{exchange.wanted}'; this endpoint has: {', '.join(names)}"
                return self.fail(exchange, 404, text, deployments=names)
        return self._dispatch(exchange, slot)

    def _named(self, deployment: str) -> str | None:
        """The slot that serves a deployment: of two generations, the one with more weight."""
        routes = [route for route in self.table.routes if route.deployment == deployment]
        return max(routes, key=lambda route: route.weight).slot if routes else None

    def _dispatch(self, exchange: Exchange, slot: str | None) -> None:
        exchange.attempts += 1
        replica = self._pick(exchange, slot) if slot is not None else None
        if replica is None:
            code = 502 if exchange.sent else 503
            return self.fail(exchange, code, "no replica of this endpoint can answer now", close=exchange.streaming)
        exchange.route, exchange.replica = replica.route, replica
        self.stats.slot(replica.route).started[id(exchange)] = exchange.started
        if not replica.carry(exchange):
            self._uncount(exchange)
            return self.fail(exchange, 503, "the endpoint is overloaded: its queue is full")
        return None

    def _pick(self, exchange: Exchange, slot: str) -> Replica | None:
        """The least loaded replica (of equals, the one used longest ago) that is up and untried: of the slot, else of
        another deployment that has traffic (unless the caller named one), else one that is said to be down."""
        slots = [slot]
        if exchange.wanted is None:
            slots += [one.slot for one in self.table.routes if one.weight > 0 and one.slot != slot]
        for name in slots:
            best: Replica | None = None
            for one in self._by_slot.get(name, ()):
                if one.up and one.address not in exchange.tried and (best is None or one.rank < best.rank):
                    best = one
            if best is not None:
                self._turn += 1
                best.turn = self._turn
                return best
        for name in slots:
            for one in self._by_slot.get(name, ()):
                if one.address not in exchange.tried:
                    return one
        return None

    # What became of an attempt

    def attempt_done(self, upstream: Upstream, exchange: Exchange) -> None:
        """The reply is whole."""
        replica = upstream.replica
        replica.load -= 1
        exchange.upstream = None
        exchange.reply_end()
        self.stats.slot(replica.route).done(exchange.code, time.monotonic() - exchange.started)
        self._uncount(exchange)
        self.active.discard(exchange)
        if exchange.code >= 500:
            self.log(f"{exchange.code} from {replica.route.deployment} at port {replica.address.port}", exchange)
        replica.release(upstream)
        exchange.client.answered(exchange)

    def attempt_refused(self, replica: Replica, exchange: Exchange, error: BaseException) -> None:
        """No connection: nothing was sent."""
        replica.load -= 1
        if not exchange.finished:
            self._again(exchange, replica, f"cannot be reached ({error or type(error).__name__})")

    def attempt_lost(self, upstream: Upstream, what: str) -> None:
        """The connection ended before the reply did."""
        exchange, upstream.exchange = upstream.exchange, None
        assert exchange is not None
        replica = upstream.replica
        replica.load -= 1
        exchange.upstream = None
        stale = upstream.carried > 1 and not exchange.code and not exchange.fresh_only
        if stale and exchange.may_repeat(self.table.replay):
            # An idle connection that the server closed while the request was on its way: no fault of the replica.
            exchange.fresh_only = True
            self._uncount(exchange)
            self.stats.retries += 1
            exchange.attempts -= 1
            exchange.forget_reply()
            self.stats.slot(replica.route).started[id(exchange)] = exchange.started
            if not replica.carry(exchange):
                self.fail(exchange, 503, "the endpoint is overloaded: its queue is full")
            return
        self._again(exchange, replica, what)

    def _again(self, exchange: Exchange, replica: Replica, what: str) -> None:
        self.stats.slot(replica.route).failed += 1
        self._uncount(exchange)
        exchange.tried.add(replica.address)
        self.log(f"replica of {replica.route.deployment} at port {replica.address.port} {what}", exchange)
        if exchange.client.gone:
            self.active.discard(exchange)
        elif exchange.may_repeat(self.table.replay) and exchange.attempts < MOST_ATTEMPTS:
            self.stats.retries += 1
            exchange.forget_reply()
            exchange.code = 0
            slot = replica.route.slot
            self._dispatch(exchange, slot if slot in self._routes else self._deck.deal())
        else:
            code = 502 if exchange.sent else 503
            self.fail(exchange, code, f"the model server {what}", close=exchange.streaming)

    def client_left(self, exchange: Exchange) -> None:
        """Nobody waits for the reply any more."""
        upstream, exchange.upstream = exchange.upstream, None
        exchange.finished = True
        self.active.discard(exchange)
        self._uncount(exchange)
        if upstream is not None and upstream.exchange is exchange:
            upstream.replica.load -= 1
            upstream.abandon()

    def _uncount(self, exchange: Exchange) -> None:
        if exchange.route is not None:
            self.stats.slot(exchange.route).started.pop(id(exchange), None)

    # Replies of the router's own

    def fail(self, exchange: Exchange, code: int, text: str, *, close: bool = False, **more: Any) -> None:
        """Answer with an error of the router's own; a reply that has begun can only be cut off."""
        upstream = exchange.upstream
        if upstream is not None and upstream.exchange is exchange:
            upstream.replica.load -= 1
            self._uncount(exchange)
            upstream.abandon()
        exchange.upstream = None
        self.stats.own_reply(code)
        self.log(f"{code} {text}", exchange)
        if exchange.replied:
            exchange.finished = True
            self.active.discard(exchange)
            exchange.client.transport.abort()
            return
        if close or not exchange.body_done:
            exchange.keep_alive = False
        self._write_own(exchange, code, json.dumps({"error": text, **more}).encode(), "application/json")

    def _own_page(self, exchange: Exchange, body: bytes, content_type: str) -> None:
        if exchange.method not in (b"GET", b"HEAD"):
            return self.fail(exchange, 405, "only GET and HEAD are answered here")
        return self._write_own(exchange, 200, body, content_type)

    def _health(self, exchange: Exchange) -> None:
        up = {route.deployment: sum(one.up for one in self._by_slot.get(route.slot, ())) for route in self.table.routes}
        served = [route for route in self.table.routes if route.weight > 0]
        well = bool(served) and all(any(one.up for one in self._by_slot.get(route.slot, ())) for route in served)
        body = json.dumps({"status": "ok" if well else "unavailable", "replicas_up": up}).encode()
        if well:
            return self._own_page(exchange, body, "application/json")
        return self._write_own(exchange, 503, body, "application/json")

    def _write_own(self, exchange: Exchange, code: int, body: bytes, content_type: str) -> None:
        exchange.finished = True
        self.active.discard(exchange)
        closing = not exchange.keep_alive or exchange.client.closing
        exchange.keep_alive = not closing
        exchange.client.write(replies.page(code, body, content_type, closing, head=exchange.method == b"HEAD"))
        exchange.client.answered(exchange)

    # Time

    def sweep(self, idle_seconds: float = 120.0, head_seconds: float = 30.0) -> None:
        """End what takes too long: replies, half-sent requests, idle clients. Called about every half second."""
        now = time.monotonic()
        for exchange in [one for one in self.active if now - one.started > self.table.timeout]:
            if exchange.upstream is not None and exchange.route is not None:
                self.stats.slot(exchange.route).done(504, now - exchange.started)
            self.fail(exchange, 504, f"no whole reply within {self.table.timeout:g} s", close=True)
        for client in list(self.clients):
            client.expire(now, idle_seconds, head_seconds)

    def drain(self) -> None:
        """Close each client's connection as soon as nothing is under way on it."""
        self.draining = True
        for client in list(self.clients):
            client.drain()

    def log(self, text: str, exchange: Exchange) -> None:
        """A line in the router's log, at most `LOGGED_A_SECOND` a second."""
        second, count = self._logged
        now = int(time.time())
        self._logged = (now, 1) if now != second else (second, count + 1)
        if self._logged[1] <= LOGGED_A_SECOND:
            request = f"{exchange.method.decode('latin-1')} {exchange.target[:200].decode('latin-1')}"
            took = (time.monotonic() - exchange.started) * 1000
            print(f"{time.strftime('%H:%M:%S')} {request}: {text} ({took:.1f} ms)", file=sys.stderr, flush=True)
