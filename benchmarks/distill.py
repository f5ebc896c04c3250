"""Distillation against a bare loop over the same engine; what reuse and resuming cost.

    python benchmarks/distill.py [--requests 2000] [--remembered 100000] [--rounds 3]

Overhead: `distil` (row memory on disk, table written, root computed) and a loop that only adds
requests to vLLM and steps, on the same requests and the same engine, in turns; the ratio is of
tokens a second. Reuse: a process in which every answer is remembered. Resume: a process killed
half way, and the next one, which finishes.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from am_assets.core.identity import digest
from am_assets.core.memory import RowMemory
from am_assets.core.requests import Completion, GenerationRequest, Sampling
from am_assets.core.schema import PROMPTS, RESPONSES
from am_assets.core.settings.distillation import Responses
from am_assets.core.settings.models import Model
from am_assets.core.store import read_batches, write_table
from am_assets.core.table_writer import TableWriter, WrittenTable
from am_assets.core.usage import Meter
from am_assets.engines.models import locate_model
from am_assets.engines.vllm import VllmEngine
from am_assets.mini.problems.sampling import sample_problem
from am_assets.stages.distillation.responses import COLUMNS, distil, requests_for

SAMPLES = 4
CONFIG = Responses(samples=SAMPLES, sampling=Sampling(max_tokens=320))
REMEMBERED_TOKENS = 150


class Canned(VllmEngine):
    """The same requests, answered at once: what fills a memory to be reused."""

    def generate(self, requests: Iterable[GenerationRequest | None]) -> Iterator[Completion]:
        for request in filter(None, requests):
            rng = random.Random(request.seed)
            tokens = tuple(rng.randrange(1000) for _ in range(REMEMBERED_TOKENS))
            text = " ".join(f"word{token}" for token in tokens)
            yield Completion(request.request_key, text, tokens, 90, len(tokens), 0, "stop")


def teacher_folder() -> Path:
    """The mini teacher's weights."""
    return locate_model(Model(path="mini:teacher", engine="vllm"), "teacher")


def mini_teacher(kind: type[VllmEngine] = VllmEngine) -> VllmEngine:
    """The mini teacher, as the mini profile serves it."""
    return kind(teacher_folder(), "teacher", max_model_len=1024, options={"kv_cache_gib": 0.25})


def prompts(count: int) -> pa.Table:
    """`count` math problems as a PROMPTS table."""
    rng = random.Random(1)
    rows = []
    for index in range(count):
        prompt = f"{sample_problem('math', rng, 'source').prompt} (variant {index})"
        rows.append(
            {
                "sample_id": digest("bench", index),
                "source": "bench",
                "week": "2025-01-06",
                "kind": "math",
                "prompt": prompt,
                "messages": [{"role": "user", "content": prompt}],
                "decision": "kept",
            }
        )
    return PROMPTS.table(rows)


def distilled(folder: Path, engine: VllmEngine, say: Callable[[str], None]) -> WrittenTable:
    """What the `responses` asset does with the prompts that lie in `folder`."""
    path = folder / "prompts.parquet"
    wanted = pa.concat_tables(read_batches(path, ["sample_id"]))["sample_id"].combine_chunks()
    memory = RowMemory(folder / "memory.sqlite")
    meter = Meter("teacher", len(wanted) * SAMPLES, say, "responses")
    with TableWriter(RESPONSES, folder, folder) as writer:
        parts = read_batches(path, COLUMNS)
        distil(parts, wanted, engine, memory, CONFIG, writer.add, meter)
        table = writer.finish()
    assert not meter.errors, meter.errors
    say(json.dumps({"made": meter.made, "reused": meter.reused}))
    return table


def bare(table: pa.Table, engine: VllmEngine) -> int:
    """Generated tokens of a loop that does nothing but ask vLLM."""
    from transformers import AutoTokenizer
    from vllm import SamplingParams, TokensPrompt
    from vllm.outputs import RequestOutput

    llm = engine.llm()
    tokenizer = AutoTokenizer.from_pretrained(str(teacher_folder()))
    for row in table.to_pylist():
        for request in requests_for(engine, row["messages"], CONFIG):
            text = engine.render(request.messages)
            llm.add_request(
                request.request_key,
                TokensPrompt(prompt_token_ids=tokenizer(text)["input_ids"]),
                SamplingParams(
                    temperature=request.sampling.temperature,
                    top_p=request.sampling.top_p,
                    max_tokens=request.sampling.max_tokens,
                    seed=request.seed,
                ),
            )
    tokens = 0
    while llm.has_unfinished_requests():
        for output in llm.step():
            if isinstance(output, RequestOutput) and output.finished:
                tokens += len(output.outputs[0].token_ids)
    return tokens


def overhead(requests: int, rounds: int) -> None:
    """Print tokens a second of both, and their ratio."""
    engine, table = mini_teacher(), prompts(requests // SAMPLES)
    bare(table.slice(0, 50), engine)
    rates: dict[str, list[float]] = {"bare loop": [], "distil": []}
    for turn in tqdm(range(2 * rounds), desc="overhead", disable=None):
        # Which goes first changes from round to round.
        name = ("bare loop", "distil", "distil", "bare loop")[turn % 4]
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_table(table, folder, "prompts")
            begun = time.perf_counter()
            if name == "distil":
                distilled(folder, engine, lambda line: None)
                seconds = time.perf_counter() - begun
                counts = pq.read_table(folder / "responses.parquet", columns=["completion_tokens"])
                tokens = sum(counts["completion_tokens"].to_pylist())
            else:
                tokens = bare(table, engine)
                seconds = time.perf_counter() - begun
        rates[name].append(tokens / seconds)
    engine.close()
    print(f"{requests} requests, {rounds} rounds, median tokens/s:")
    for name, values in rates.items():
        print(f"  {name:10} {median(values):10,.0f}   ({', '.join(f'{v:,.0f}' for v in values)})")
    ratio = median(rates["distil"]) / median(rates["bare loop"])
    print(f"  ratio {ratio:.3f}: overhead {1 - ratio:.1%} (limit 5 %)")


def child(folder: Path) -> subprocess.Popen[str]:
    """`distilled` in a process of its own."""
    command = [sys.executable, __file__, "--distil-in", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report(process: subprocess.Popen[str]) -> dict[str, float | str]:
    """What a finished child printed last."""
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return json.loads(out.splitlines()[-1])


def reuse(rows: int) -> None:
    """Print seconds, and memory, of a run over `rows` remembered answers."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_table(prompts(rows // SAMPLES), folder, "prompts")
        begun = time.perf_counter()
        root = distilled(folder, mini_teacher(Canned), lambda line: None).root
        filled = time.perf_counter() - begun
        size = (folder / "memory.sqlite").stat().st_size
        told = report(child(folder))
        assert told["root"] == root
        seconds = float(told["seconds"])
        print(f"{rows} remembered rows of {REMEMBERED_TOKENS} tokens:")
        print(f"  remembered at first  {filled:6.1f} s  ({size / rows:,.0f} bytes a row on disk)")
        print(f"  run again            {seconds:6.1f} s  (limit 20 s)")
        print(f"  a row                {1e6 * seconds / rows:6.0f} us")
        print(f"  peak memory          {float(told['peak_mib']):6.0f} MiB  (limit 1,000 MB)")


def resume(requests: int) -> None:
    """Print what a kill half way costs."""
    with tempfile.TemporaryDirectory() as scratch:
        whole, halved = Path(scratch) / "whole", Path(scratch) / "halved"
        for folder in (whole, halved):
            folder.mkdir()
            write_table(prompts(requests // SAMPLES), folder, "prompts")
        reference = report(child(whole))
        begun = time.perf_counter()
        process, memory = child(halved), RowMemory(halved / "memory.sqlite")
        while sum(count for count, _ in memory.counts().values()) < requests // 2:
            time.sleep(0.05)
        process.kill()
        process.wait()
        first = time.perf_counter() - begun
        kept = sum(count for count, _ in memory.counts().values())
        begun = time.perf_counter()
        second = report(child(halved))
        again = time.perf_counter() - begun
        assert second["root"] == reference["root"]
        print(f"{requests} requests, killed when {kept} were remembered:")
        print(f"  without a kill   {float(reference['seconds']):6.1f} s of work")
        print(f"  until the kill   {first:6.1f} s, then {again:6.1f} s, with starting the engine")
        print(f"  the second run asked {int(second['made'])}, {requests - kept} were missing")


def main() -> None:
    """Run what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--remembered", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["overhead", "reuse", "resume"])
    parser.add_argument("--distil-in", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.distil_in is not None:
        engine, said = mini_teacher(), list[str]()
        begun = time.perf_counter()
        table = distilled(arguments.distil_in, engine, said.append)
        seconds = time.perf_counter() - begun
        # Not getrusage, whose peak is that of the parent at the fork.
        lines = Path("/proc/self/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        peak = int(status["VmHWM"].split()[0]) / 1024
        told = {"root": table.root, "seconds": seconds, "peak_mib": peak}
        print(json.dumps(told | json.loads(said[-1])))
        return
    for name, measure, count in (
        ("overhead", lambda count: overhead(count, arguments.rounds), arguments.requests),
        ("reuse", reuse, arguments.remembered),
        ("resume", resume, arguments.requests),
    ):
        if arguments.only in (None, name):
            measure(count)


if __name__ == "__main__":
    main()
