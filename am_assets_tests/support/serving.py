"""vLLM's own OpenAI-compatible server, for tests of what talks to one."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "served"
"""Name that the server gives the model."""

_START_S = 300.0
_STOP_S = 30.0

_ARGUMENTS = [
    *("--host", "127.0.0.1"),
    *("--served-model-name", NAME),
    *("--dtype", "float32"),
    *("--seed", "0"),
    *("--max-num-seqs", "64"),
    # What a seed per request needs on CPU; see am_assets.engines.vllm.
    "--enforce-eager",
    "--no-enable-chunked-prefill",
    "--no-enable-prefix-caching",
    "--disable-log-stats",
]
_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
}


@contextmanager
def vllm_server(folder: Path, *arguments: str, max_model_len: int = 1024) -> Iterator[str]:
    """Serve the model in `folder` as `NAME`; yields the base URL, up to and with `/v1`.

    `arguments` are further ones of `python -m vllm.entrypoints.openai.api_server`. Takes half a
    minute to start. Raises RuntimeError with the end of the server's log when it does not.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(folder), "--port", str(port)),
        *("--max-model-len", str(max_model_len), "--max-num-batched-tokens", "8192"),
        *_ARGUMENTS,
        *arguments,
    ]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            command, env={**os.environ, **_ENVIRONMENT}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(server, f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}/v1"
        except TimeoutError as error:
            log.seek(0)
            said = log.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"the vLLM server does not start: {said}") from error
        finally:
            server.terminate()
            try:
                server.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: "subprocess.Popen[bytes]", health: str) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(health, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    raise TimeoutError("not healthy")
