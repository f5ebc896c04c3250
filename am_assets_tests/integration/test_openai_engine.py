import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from am_assets.core.config import Model
from am_assets.core.requests import GenerationRequest, Sampling, generation_request
from am_assets.engines.openai_engine import OpenAIEngine


class Server(ThreadingHTTPServer):
    """Answers chat completions; what a prompt says decides how."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[dict[str, Any]] = []
        self.busy = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        prompt = body["messages"][-1]["content"]
        if prompt == "busy once" and not self.server.busy:
            self.server.busy += 1
            self._send(503, {"error": {"message": "overloaded"}})
        elif prompt == "refused":
            self._send(400, {"error": {"message": "prompt too long"}})
        else:
            finish = "content_filter" if prompt == "filtered" else "stop"
            message = {"role": "assistant", "content": f"echo {prompt}"}
            answer = {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            }
            self._send(200, answer)

    def _send(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()


def _engine(url: str, **options: Any) -> OpenAIEngine:
    settings = {"base_url": url, "concurrency": 2, **options}
    model = Model(path="some-model", engine="openai", revision="r1", options=settings)
    return OpenAIEngine(model, "teacher")


def _request(engine: OpenAIEngine, prompt: str) -> GenerationRequest:
    turns = [{"role": "user", "content": prompt}]
    return generation_request(engine, turns, Sampling(max_tokens=7))


def test_every_request_is_answered_and_one_refusal_stops_no_other(server: Server):
    engine = _engine(server.url)
    prompts = [*(f"prompt {index}" for index in range(20)), "refused", "busy once", "filtered"]
    requests = {_request(engine, prompt).request_key: prompt for prompt in prompts}
    answers = {
        requests[completion.request_key]: completion
        for completion in engine.generate(_request(engine, prompt) for prompt in prompts)
    }
    assert set(answers) == set(prompts)
    assert answers["prompt 3"].text == "echo prompt 3"
    assert answers["busy once"].error is None
    assert "prompt too long" in (answers["refused"].error or "")
    assert "content_filter" in (answers["filtered"].error or "")


def test_sampling_parameters_and_the_seed_reach_the_server(server: Server):
    engine = _engine(server.url)
    request = _request(engine, "hello")
    list(engine.generate([request]))
    body = server.bodies[0]
    assert (body["model"], body["seed"], body["max_tokens"]) == ("some-model", request.seed, 7)
    assert (body["temperature"], body["top_p"]) == (0.6, 0.95)


def test_a_server_that_is_not_there_is_an_error_of_each_request():
    engine = _engine("http://127.0.0.1:9/v1", retries=0)
    (completion,) = engine.generate([_request(engine, "hello")])
    assert "APIConnectionError" in (completion.error or "")


def test_an_engine_without_an_address_or_with_an_unknown_option_is_refused():
    with pytest.raises(ValueError, match=r"teacher\.options.*base_url"):
        OpenAIEngine(Model(path="m", engine="openai"), "teacher")
    with pytest.raises(ValueError, match="tensor_parallel_size"):
        _engine("http://127.0.0.1:9/v1", tensor_parallel_size=2)


def test_the_identity_follows_the_served_name_and_revision():
    assert _engine("http://127.0.0.1:9/v1").model.digest == "served:some-model@r1"
