"""Requests a second and latency of the model server, alone and behind an endpoint's router, beside its peers.

`.venv/bin/python -m benchmarks.serving [--seconds 5] [--rounds 3] [--no-peers]`. All servers hold the same model of
the same data (imputer, scaler, RandomForest of 100 trees) and run at once; each is asked in turn, one row a request,
over 8 connections, so that a machine's drift meets all alike. Only the ratios of one run mean anything elsewhere.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import servers
from benchmarks.load import Load, drive, request

OWN = "mooring, server alone"
ROUTED = "mooring, through the router"
V2 = "mooring, /v2/…/infer"
QUIET = "mooring, without warnings"
"""As the server alone, but values are not compared with those of training: what that costs."""
GOAL = 5000
"""Requests a second of the server alone, on an idle machine of two cores."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of load, a server and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out; they need a package index once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mb-") as scratch, ExitStack() as stack:
        asked = _start(Path(scratch), stack, peers=not options.no_peers)
        loads: dict[str, list[tuple[Load, float]]] = {name: [] for name in asked}
        for counted in (False, *[True] * options.rounds):
            for name, (server, requests) in asked.items():
                before = server.cpu()
                seconds = options.seconds if counted else min(1.0, options.seconds)
                load = drive(server.port, requests, seconds=seconds, connections=options.connections)
                if counted:
                    loads[name].append((load, (server.cpu() - before) / len(load.latencies)))
    _show(loads)


def _start(folder: Path, stack: ExitStack, *, peers: bool) -> dict[str, tuple[servers.Running, Sequence[bytes]]]:
    """All servers, and what each is asked: the rows of the data in turn."""
    with servers.DATA.open(newline="") as file:
        names, *lines = csv.reader(file)
    rows = [[float(cell) for cell in line[:-1]] for line in lines if all(line)]
    plain = [
        request("/predict", json.dumps({"instances": [dict(zip(names, row, strict=False))]}).encode()) for row in rows
    ]
    lists = [request("/predict", json.dumps({"instances": [row]}).encode()) for row in rows]
    tensors = [request("/v2/models/iris/infer", json.dumps({"inputs": [_tensor(row)]}).encode()) for row in rows]
    model = servers.trained(folder)
    own = stack.enter_context(servers.mooring(model, folder))
    asked: dict[str, tuple[servers.Running, Sequence[bytes]]] = {
        OWN: (own, plain),
        QUIET: (stack.enter_context(servers.mooring(model, folder, "--no-warnings")), plain),
        V2: (own, tensors),
        ROUTED: (stack.enter_context(servers.router(own, folder)), plain),
    }
    if peers:
        python = servers.peers(folder)
        if isinstance(python, str):
            print(f"without peers: {python}")
        else:
            asked["gunicorn + Flask + scikit-learn"] = stack.enter_context(servers.flask(python, folder)), lists
            asked["MLServer + scikit-learn, /v2/…/infer"] = (
                stack.enter_context(servers.mlserver(python, folder)),
                tensors,
            )
    return asked


def _tensor(row: list[float]) -> dict[str, object]:
    return {"name": "predict", "shape": [1, len(row)], "datatype": "FP64", "data": row}


def _show(loads: dict[str, list[tuple[Load, float]]]) -> None:
    """The best round of each; a ratio to the server alone; what the router adds."""
    print(f"{'':38}{'req/s':>8}{'p50 ms':>8}{'p99 ms':>8}{'CPU µs':>8}{'ratio':>8}   load {os.getloadavg()[0]:.1f}")
    best = {name: max(found, key=lambda pair: pair[0].rate) for name, found in loads.items()}
    own = best[OWN][0]
    for name, (load, cpu) in best.items():
        failed = f"   {load.failed} failed" if load.failed else ""
        print(
            f"{name:38}{load.rate:8.0f}{load.quantile(0.5):8.2f}{load.quantile(0.99):8.2f}{cpu * 1e6:8.0f}"
            f"{own.rate / load.rate:8.1f}{failed}"
        )
    print(f"the router adds {best[ROUTED][0].quantile(0.5) - own.quantile(0.5):.2f} ms to the median")
    if own.rate < GOAL:
        print(f"below the goal of {GOAL} requests/s on an idle machine of two cores")


if __name__ == "__main__":
    main()
