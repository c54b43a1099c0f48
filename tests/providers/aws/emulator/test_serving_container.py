"""The server in the place of AWS's framework images keeps their contract (sagemaker-containers, script mode)."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from providers.aws.emulator.sagemaker.hosting.servers import CONTAINER_PACKAGES
from providers.local.environments.environments import Environments
from providers.local.jobs.code import code_folder
from providers.local.supervisor import ports

CODE = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
DOUBLES = """
import numpy as np

class Model:
    def predict(self, data):
        assert data.ndim == 2, f"Expected 2D array, got {data.ndim}D array instead"
        return data[:, 0] * 2

def model_fn(folder):
    return Model()
"""
"""A model that needs its input as scikit-learn's do, with nothing of the user's own but model_fn."""


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes


@dataclass
class Container:
    """A server that was started; `root` holds `ml`."""

    root: Path
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, body: bytes = b"", kind: str = "", accept: str = "", path: str = "/invocations") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {name: value for name, value in (("Content-Type", kind), ("Accept", accept)) if value}
        try:
            connection.request("POST" if path == "/invocations" else "GET", path, body, headers)
            reply = connection.getresponse()
            return Answer(reply.status, reply.headers.get("content-type", ""), reply.read())
        finally:
            connection.close()

    @property
    def log(self) -> str:
        return (self.root / "log").read_text()

    def is_ready(self) -> bool:
        try:
            return self.ask(path="/ping").status == 200
        except OSError:
            return False


Start = Callable[..., Container]


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return code_folder(tmp_path_factory.mktemp("home"), CONTAINER_PACKAGES)


@contextmanager
def started(
    kit: Path, root: Path, files: dict[str, str | bytes], framework: str, variables: dict[str, str], fails: bool
) -> Iterator[Container]:
    for name, content in files.items():
        path = root / "ml" / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    python, port = Environments().ensure(f"aws/{framework if framework != 'own' else 'scikit-learn'}"), ports.choose()
    launch = kit / "providers" / "aws" / "emulator" / "containers" / "launch.py"
    words = [str(python), "-s", "-P", str(launch), "--root", str(root), "--port", str(port), "--framework", framework]
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(words, env=environment, cwd="/", stdout=log, stderr=subprocess.STDOUT)
    container = Container(root, port, process)
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and not container.is_ready():
            assert time.monotonic() < deadline, container.log
            time.sleep(0.02)
        assert (process.returncode is not None) == fails, container.log
        yield container
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, container.log


@pytest.fixture
def start(kit: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts servers: `start({"code/inference.py": …}, NAME="value")`; those that are to fail with `fails=True`."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def begin(
            files: dict[str, str | bytes], framework: str = "scikit-learn", fails: bool = False, bare: bool = False,
            **variables: str,
        ) -> Container:  # fmt: skip
            root = tmp_path / f"root-{len(list(tmp_path.iterdir()))}"
            root.mkdir()
            whole = variables if bare else CODE | variables
            return stack.enter_context(started(kit, root, files, framework, whole, fails))

        yield begin


def npy(values: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(values))
    return stream.getvalue()


def test_defaults_read_and_write_json_csv_and_numpy(start: Start) -> None:
    container = start({"code/inference.py": DOUBLES})
    assert container.ask(path="/ping") == Answer(200, "application/json", b"")
    assert container.ask(b"[[1, 5], [2.5, 6]]", "application/json") == Answer(200, "application/json", b"[2.0, 5.0]")
    assert container.ask(b"[[1, 5]]") == Answer(200, "application/json", b"[2.0]"), "JSON where nothing is said"
    assert container.ask(b"1,5\n2.5,6\n", "text/csv", "text/csv") == Answer(
        200, "text/csv; charset=utf-8", b"2.0\n5.0\n"
    )
    answer = container.ask(npy([[1.5, 0], [2, 0]]), "application/x-npy", "application/x-npy")
    assert (answer.status, answer.kind) == (200, "application/x-npy")
    assert np.load(io.BytesIO(answer.body)).tolist() == [3.0, 4.0]
    assert container.ask(b"[[1, 5]]", "application/json", "*/*").kind == "application/json"


def test_text_becomes_32_bit_floats_and_numpy_stays_as_it_is(start: Start) -> None:
    script = DOUBLES.replace("return data[:, 0] * 2", "return np.array([str(data.dtype)])")
    container = start({"code/inference.py": script})
    assert container.ask(b"[[1, 5]]", "application/json").body == b'["float32"]'
    assert container.ask(npy([[1, 5]]), "application/x-npy").body == b'["int64"]'


def test_one_row_of_csv_is_of_one_dimension_as_on_aws(start: Start) -> None:
    container = start({"code/inference.py": DOUBLES})
    answer = container.ask(b"1,5\n", "text/csv")
    assert (answer.status, answer.kind) == (500, "text/html; charset=utf-8")
    assert b"<title>500 Internal Server Error</title>" in answer.body
    assert "Expected 2D array, got 1D array instead" in container.log


def test_unknown_types_are_415_and_406(start: Start) -> None:
    container = start({"code/inference.py": DOUBLES})
    answer = container.ask(b"x", "text/plain")
    assert (answer.status, answer.kind) == (415, "application/json")
    told = json.loads(answer.body)
    assert told["error"] == "UnsupportedFormatError"
    assert told["error-message"].startswith("Content type text/plain is not supported by this framework.")
    assert container.ask(b"[[1, 5]]", "application/json", "text/plain").status == 406


def test_an_array_of_objects_is_not_unpickled(start: Start) -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    container = start({"code/inference.py": DOUBLES})
    assert container.ask(stream.getvalue(), "application/x-npy").status == 500
    assert "Object arrays cannot be loaded" in container.log


FUNCTIONS = """
import json
def model_fn(folder): return folder
def input_fn(body, content_type): return [type(body).__name__, content_type]
def predict_fn(data, model): return [*data, model]
def output_fn(prediction, accept): return json.dumps([*prediction, accept]), accept
"""


def test_the_users_functions_are_called_in_turn(start: Start) -> None:
    container = start({"code/inference.py": FUNCTIONS}, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/own")
    answer = container.ask(b"a", "text/csv")
    assert (answer.kind, json.loads(answer.body)[:2]) == ("text/own; charset=utf-8", ["str", "text/csv"])
    assert json.loads(answer.body)[3] == "text/own"
    assert json.loads(container.ask(b"\xff", "image/png").body)[:2] == ["bytes", "image/png"]


def test_a_transform_function_does_it_all(start: Start) -> None:
    script = """
def model_fn(folder): return "model"
def transform_fn(model, body, content_type, accept):
    return {"dict": {"a": 1}, "text": "plain", "bytes": (body, "application/own")}[content_type.partition("/")[2]]
def execution_parameters_fn(): return {"MaxPayloadInMB": 3}
"""
    container = start({"code/inference.py": script})
    assert container.ask(b"x", "a/dict") == Answer(200, "application/json", b'{"a": 1}\n')
    assert container.ask(b"x", "a/text") == Answer(200, "text/html; charset=utf-8", b"plain"), "as Flask has it"
    assert container.ask(b"\x00\xff", "a/bytes") == Answer(200, "application/own", b"\x00\xff")
    assert json.loads(container.ask(path="/execution-parameters").body) == {"MaxPayloadInMB": 3}
    assert container.ask(path="/elsewhere").status == 404


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"code/inference.py": "x = 1"}, "Please provide a model_fn implementation."),
        ({"code/inference.py": FUNCTIONS + "def transform_fn(*a): pass"}, "Cannot use transform_fn implementation"),
        ({"code/inference.py": "import absent_package"}, "No module named 'absent_package'"),
        ({"code/serve.py": "x = 1"}, "there is no inference.py in the code from"),
        ({"name.txt": "x"}, "/model/code does not exist"),
        ({"code/inference.py": DOUBLES, "code/requirements.txt": "./absent.whl"}, "pip install -r requirements.txt:"),
    ],
)
def test_code_that_cannot_be_loaded_ends_the_server_and_says_why(
    start: Start, files: dict[str, str | bytes], words: str
) -> None:
    assert words in start(files, fails=True).log


def test_awss_images_need_to_be_told_where_the_code_is(start: Start) -> None:
    assert "SAGEMAKER_PROGRAM is not set" in start({"code/inference.py": DOUBLES}, fails=True, bare=True).log
    told = start({"code/inference.py": DOUBLES}, fails=True, bare=True, SAGEMAKER_PROGRAM="inference.py").log
    assert "there is no inference.py in the code from" in told


def test_an_image_of_ones_own_finds_its_code_by_itself(start: Start) -> None:
    container = start({"code/inference.py": DOUBLES}, framework="own", bare=True)
    assert container.ask(b"[[1, 5]]", "application/json").body == b"[2.0]"


def test_the_code_sees_its_folders_and_nothing_of_the_kit(start: Start) -> None:
    script = """
import json, os, sys, helper
def model_fn(folder): return folder
def transform_fn(model, body, content_type, accept):
    def is_there(name):
        try:
            __import__(name)
        except ImportError:
            return False
        return True
    kit = [name for name in ("providers", "training", "mooring", "serving") if is_there(name)]
    told = {"kit": kit, "helper": helper.VALUE, "model": model, "file": __file__, "own": os.environ["OWN"],
            "port": os.environ["SAGEMAKER_BIND_TO_PORT"], "path": os.environ.get("PYTHONPATH")}
    return json.dumps(told), accept
"""
    container = start({"code/inference.py": script, "code/helper.py": "VALUE = 7"}, OWN="mine")
    told = json.loads(container.ask(b"x", "a/b").body)
    base = Path(told["model"]).parent
    assert base in (Path("/opt/ml"), container.root / "ml")
    assert told == {"kit": [], "helper": 7, "model": f"{base}/model", "file": f"{base}/code/inference.py",
                    "own": "mine", "port": str(container.port), "path": None}  # fmt: skip


def test_requirements_are_installed_beside_the_environment(start: Start) -> None:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("brought_along.py", "VALUE = 3")
        archive.writestr(
            "brought_along-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: brought-along\nVersion: 1.0\n"
        )
        archive.writestr(
            "brought_along-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("brought_along-1.0.dist-info/RECORD", "")
    script = DOUBLES.replace("import numpy", "import brought_along, numpy").replace("* 2", "* brought_along.VALUE")
    name = "brought_along-1.0-py3-none-any.whl"
    files: dict[str, str | bytes] = {
        "code/inference.py": script, f"code/{name}": wheel.getvalue(), "code/requirements.txt": f"./{name}\n",
    }  # fmt: skip
    container = start(files)
    assert container.ask(b"[[2, 0]]", "application/json").body == b"[6.0]"
    assert (container.root / "packages" / "brought_along.py").is_file()


def test_a_failing_request_does_not_end_the_server_and_slow_ones_do_not_stop_its_pings(start: Start) -> None:
    script = """
import time
def model_fn(folder): return 1
def transform_fn(model, body, content_type, accept):
    if body == b"slow": time.sleep(1.5)
    return str(1 / len(body.strip())), "text/plain"
"""
    container = start({"code/inference.py": script}, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    assert container.ask(b" ", "a/b").status == 500
    assert "Exception on /invocations [POST]" in container.log
    assert "ZeroDivisionError" in container.log
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        began = time.monotonic()
        slow = [pool.submit(container.ask, b"slow", "a/b") for _ in range(2)]
        time.sleep(0.3)
        assert container.ask(path="/ping").status == 200
        assert time.monotonic() - began < 1.4
        assert [one.result().status for one in slow] == [200, 200]
        assert time.monotonic() - began > 2.9, "one worker does one at a time"


def test_a_bare_xgboost_model_needs_no_script(start: Start, tmp_path: Path) -> None:
    python = Environments().ensure("aws/xgboost")
    trains = (
        "import numpy, xgboost, sys\n"
        "rows = numpy.arange(40, dtype=float).reshape(20, 2)\n"
        "xgboost.train({'max_depth': 2}, xgboost.DMatrix(rows, label=rows[:, 0]), 30).save_model(sys.argv[1])\n"
    )
    subprocess.run([str(python), "-c", trains, str(tmp_path / "model.json")], check=True, timeout=120)
    container = start({"xgboost-model": (tmp_path / "model.json").read_bytes()}, framework="xgboost", bare=True)
    answer = container.ask(b"0,1\n38,39\n", "text/csv")
    assert (answer.status, answer.kind) == (200, "text/csv; charset=utf-8")
    low, high = map(float, answer.body.split(b","))
    assert low < 5 < 30 < high
    again = container.ask(b"0:0 1:1\n0:38 1:39\n", "text/libsvm")
    assert [float(value) for value in again.body.split(b",")] == [low, high]
    assert container.ask(b"{}", "application/json").status == 415
