"""Every path the server answers, for one model."""

from __future__ import annotations

from collections.abc import Callable

from serving.http import TEXT, Reply, Request, Route, encode, error
from serving.instances import Instances
from serving.metrics import Metrics
from serving.open_inference import OpenInference
from serving.predictor import Predictor

GET = ("GET", "HEAD")
POST = ("POST",)


def build_routes(
    predictor: Predictor, name: str, version: str, metrics: Metrics, ready: Callable[[], bool]
) -> dict[str, tuple[Route, ...]]:
    """Path to its routes. `ready` tells whether new requests are welcome: false once the server drains."""
    plain = Instances(predictor, name, version)
    protocol = OpenInference(predictor, name, version)
    identity = {"model_name": name, "model_version": version}

    def live(request: Request) -> Reply:
        return Reply(encode({"live": True, **identity}))

    def readiness(request: Request) -> Reply:
        if not ready():
            return error("the server is shutting down", 503)
        return Reply(encode({"ready": True, "name": name, **identity}))

    def scrape(request: Request) -> Reply:
        return Reply(metrics.text(), content_type=TEXT)

    def status(request: Request) -> Reply:
        state = {"version": version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        # TensorFlow Serving's reply, and KServe's `name` and `ready`, which is text there.
        return Reply(encode({"model_version_status": [state], "name": name, "ready": str(ready()), **identity}))

    def models(request: Request) -> Reply:
        return Reply(encode({"models": [name]}))

    routes = {
        "/": (Route("/", GET, protocol.server), Route("/", POST, plain.predict, True)),
        "/ping": (Route("/ping", GET, readiness),),
        "/health": (Route("/health", GET, readiness),),
        "/metrics": (Route("/metrics", GET, scrape),),
        "/predict": (Route("/predict", POST, plain.predict, True),),
        "/invocations": (Route("/invocations", POST, plain.invocations, True),),
        "/v1/models": (Route("/v1/models", GET, models),),
        "/v2": (Route("/v2", GET, protocol.server),),
        "/v2/health/live": (Route("/v2/health/live", GET, live),),
        "/v2/health/ready": (Route("/v2/health/ready", GET, readiness),),
    }
    for versions in ("", f"/versions/{version}"):
        base = f"/v2/models/{name}{versions}"
        routes[base] = (Route("/v2/models/{model}", GET, protocol.model),)
        routes[f"{base}/ready"] = (Route("/v2/models/{model}/ready", GET, readiness),)
        routes[f"{base}/infer"] = (Route("/v2/models/{model}/infer", POST, protocol.infer, True),)
        routes[f"/v1/models/{name}{versions}"] = (Route("/v1/models/{model}", GET, status),)
        predict = f"/v1/models/{name}{versions}:predict"
        routes[predict] = (Route("/v1/models/{model}:predict", POST, plain.columnar, True),)
    return routes
