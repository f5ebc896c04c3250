"""A checkpoint's answers to the benchmarks' problems."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from am_assets.core.identity import digest
from am_assets.core.memory import RowMemory
from am_assets.core.requests import (
    Completion,
    GenerationEngine,
    GenerationRequest,
    generation_request,
)
from am_assets.core.schema import (
    KEPT,
)
from am_assets.core.settings.evaluation import Evaluation
from am_assets.core.usage import Meter
from am_assets.stages.generation import (
    Wanted,
    answer_columns,
    ask,
    failure_columns,
    with_system_prompt,
)

_CHECKABLE = ("reference_answer", "test_case", "constraints")


def ask_benchmarks(
    benchmarks: pa.Table,
    engine: GenerationEngine,
    memory: RowMemory,
    config: Evaluation,
    answers_each: Mapping[str, int],
    write: Callable[[Mapping[str, Any]], None],
    meter: Meter,
) -> None:
    """Ask every checkable item of `benchmarks` (schema BENCHMARKS); `write` an ANSWERS row each.

    `answers_each` names the answers an item of each benchmark gets; a benchmark that it leaves out,
    or gives 0, is not asked, nor is an item without reference, test case and constraints. Failed
    requests are pending with their cause.
    """
    items = [
        row
        for row in benchmarks.select(["item_id", "benchmark", "prompt", *_CHECKABLE]).to_pylist()
        if any(row[column] is not None for column in _CHECKABLE)
    ]
    meter.total = sum(answers_each.get(row["benchmark"], 0) for row in items)
    wanted = (
        Wanted(row, row["item_id"], generation_request(engine, turns, config.sampling, index))
        for row in items
        for turns in [with_system_prompt([{"role": "user", "content": row["prompt"]}])]
        for index in range(answers_each.get(row["benchmark"], 0))
    )

    def answered(
        row: Mapping[str, Any], request: GenerationRequest, completion: Completion
    ) -> None:
        fate = failure_columns(completion) if completion.error else {"decision": KEPT}
        write(
            {
                "answer_id": digest("answer", row["item_id"], request.request_key),
                "item_id": row["item_id"],
                "benchmark": row["benchmark"],
                **answer_columns(engine, request, completion),
                **fate,
            }
        )

    ask(engine, memory, wanted, answered, meter)
