"""A stand-in for a model server: standard library only, and it does as it is told.

    python model_server.py PORT VERSION DEPLOYMENT [name=value …]

`ready_after` seconds · `delay` seconds a prediction takes · `fail` percent of predictions that answer 500 ·
`fail_after` predictions after which all answer 500 · `crash` text to write before exiting with 3 ·
`crash_after` predictions · `stubborn` ignores SIGTERM.
"""

import itertools
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, VERSION, DEPLOYMENT = int(sys.argv[1]), sys.argv[2], sys.argv[3]
TOLD = dict(argument.split("=", 1) for argument in sys.argv[4:])
BEGAN = time.monotonic()
COUNT = itertools.count(1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path == "/v2/health/ready":
            ready = time.monotonic() - BEGAN >= float(TOLD.get("ready_after", 0))
            self.reply(200 if ready else 503, {"ready": ready})
        elif self.path == "/big":
            self.chunks([b"x" * 100_000] * 50)
        elif self.path == "/until-close":
            self.send_response(200)
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(b"to the end")
            self.close_connection = True
        elif self.path == "/headers":
            self.reply(200, dict(self.headers.items()))
        else:
            self.reply(200, {"path": self.path, "pid": os.getpid()})

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        if self.path == "/early":
            self.reply(413, {"error": "too large"})
            time.sleep(0.5)
            self.close_connection = True
            return
        body = self.body()
        number = next(COUNT)
        if number > int(TOLD.get("crash_after", 1 << 60)):
            os._exit(3)
        time.sleep(float(TOLD.get("delay", 0)))
        failing = number > int(TOLD.get("fail_after", 1 << 60)) or number % 100 < float(TOLD.get("fail", 0))
        if failing:
            self.reply(500, {"error": "told to fail"})
        else:
            self.reply(200, {"predictions": [len(body)], "model_version": VERSION, "pid": os.getpid()})

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def reply(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-model-version", VERSION)
        self.send_header("x-mooring-deployment", DEPLOYMENT)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunks(self, pieces):
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


if TOLD.get("crash"):
    print(TOLD["crash"], flush=True)
    sys.exit(3)
signal.signal(signal.SIGINT, signal.SIG_IGN)
if TOLD.get("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=lambda: (time.sleep(0.3), os._exit(0))).start())
print(f"serving version {VERSION} on {PORT}", flush=True)
Server(("127.0.0.1", PORT), Handler).serve_forever()
