"""HTTP servers that speak the OpenAI chat API, well or badly, as a test says."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SERVED = "some-model"
_HANG_S = 60.0


@dataclass(frozen=True)
class Reply:
    """What goes over the wire. A `length` beyond the body's promises more than comes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    silent: bool = False
    """Nothing comes at all; the connection stays open."""


@dataclass(frozen=True)
class Asked:
    """A chat request as it arrived. `attempt` counts those for the same prompt, from 0."""

    prompt: str
    attempt: int
    body: dict[str, Any]
    at: float


Behaviour = Callable[[Asked], Reply]


def good(text: str, **message: Any) -> Reply:
    """A completion that says `text`."""
    return completion(message={"role": "assistant", "content": text, **message})


def completion(
    message: Mapping[str, Any], finish_reason: str | None = "stop", **fields: Any
) -> Reply:
    """A completion with this message."""
    answer = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": SERVED,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        **fields,
    }
    return Reply(body=json.dumps(answer).encode())


def error(status: int, text: str = "", **headers: str) -> Reply:
    """An error as the API words it; underscores in header names stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps({"error": {"message": text}}).encode(), named)


def listing(*names: str) -> Reply:
    """The reply to GET /models."""
    cards = [{"id": name, "object": "model", "max_model_len": 64} for name in names]
    return Reply(body=json.dumps({"object": "list", "data": cards}).encode())


def echo(asked: Asked) -> Reply:
    """Behaves well."""
    return good(f"echo {asked.prompt}")


class Endpoint(ThreadingHTTPServer):
    """Answers chat requests as `behaviour` says, and remembers them in `asked`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.models = listing(SERVED)
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def take(self, body: dict[str, Any]) -> Asked:
        """Note a chat request."""
        at, prompt = time.monotonic(), body["messages"][-1]["content"]
        with self._lock:
            attempt = sum(earlier.prompt == prompt for earlier in self.asked)
            self.asked.append(Asked(prompt, attempt, body, at))
            return self.asked[-1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are what some tests are about."""


@contextmanager
def endpoint(behaviour: Behaviour = echo) -> Iterator[Endpoint]:
    """A server that runs until the block ends."""
    with Endpoint(behaviour) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(self.server.models)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(self.server.behaviour(self.server.take(body)))

    def _send(self, reply: Reply) -> None:
        if reply.silent:
            self.server.over.wait(_HANG_S)
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(reply.length or len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = reply.length is not None

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""
