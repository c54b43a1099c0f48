"""What the emulator knows, in SQLite: one row a thing, by kind, region and name.

A thing is a JSON object in the shape of its `Describe…` reply. Changes are made under one lock, written before they
are answered, and survive a kill of the process.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Thing = dict[str, Any]

_TABLES = """
create table if not exists things(
    kind text not null, region text not null, name text not null,
    sequence integer primary key autoincrement, body text not null, unique(kind, region, name));
create index if not exists by_name on things(region, lower(name))
"""


class State:
    """Rows in a file. Safe to call from any thread."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("pragma journal_mode=wal")
        self._database.execute("pragma synchronous=normal")
        self._database.executescript(_TABLES)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._database.close()

    def find(self, kind: str, region: str, name: str) -> Thing | None:
        """The thing; None when there is none."""
        with self.lock:
            row = self._database.execute(
                "select body from things where kind=? and region=? and name=?", (kind, region, name)
            ).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind: str, region: str, name: str, body: Thing) -> None:
        """Write it, new or instead of what there was."""
        with self.changed:
            self._database.execute(
                "insert into things(kind, region, name, body) values(?,?,?,?) "
                "on conflict(kind, region, name) do update set body=excluded.body",
                (kind, region, name, json.dumps(body)),
            )
            self.changed.notify_all()

    def change(self, kind: str, region: str, name: str, **changes: Any) -> Thing | None:
        """Lay `changes` over it and note the time; None when it is gone."""
        return self.edit(kind, region, name, lambda body: body.update(changes))

    def edit(self, kind: str, region: str, name: str, how: Callable[[Thing], object]) -> Thing | None:
        """Have `how` change it in place, nobody else meanwhile; None when it is gone."""
        with self.lock:
            body = self.find(kind, region, name)
            if body is None:
                return None
            how(body)
            body["LastModifiedTime"] = time.time()
            self.put(kind, region, name, body)
            return body

    def remove(self, kind: str, region: str, name: str) -> bool:
        """Forget it; False when there was none."""
        with self.changed:
            gone = self._database.execute(
                "delete from things where kind=? and region=? and name=?", (kind, region, name)
            ).rowcount
            self.changed.notify_all()
        return bool(gone)

    def list(self, kind: str, region: str) -> list[Thing]:
        """All of a kind in a region, oldest first."""
        with self.lock:
            rows = self._database.execute(
                "select body from things where kind=? and region=? order by sequence", (kind, region)
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def holds(self, region: str, arn: str) -> bool:
        """Whether anything in the region has this ARN. Its name in the state is the ARN's last part, or all of it."""
        last = arn.partition("/")[2]
        with self.lock:
            rows = self._database.execute(
                "select body from things where region=? and lower(name) in (?, ?)", (region, last.lower(), arn.lower())
            ).fetchall()
        return any(arn in json.loads(row[0]).values() for row in rows)

    def everywhere(self, kind: str) -> Iterator[tuple[str, str, Thing]]:
        """Region, name and thing of a kind, in all regions."""
        with self.lock:
            rows = self._database.execute(
                "select region, name, body from things where kind=? order by sequence", (kind,)
            ).fetchall()
        for region, name, body in rows:
            yield region, name, json.loads(body)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several changes at once, or none."""
        with self.changed:
            if self._database.in_transaction:  # part of a larger one
                yield
                return
            self._database.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._database.execute("rollback")
                raise
            self._database.execute("commit")
