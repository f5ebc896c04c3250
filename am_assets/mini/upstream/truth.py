"""What was planted in the upstream sources, for audits of what a pipeline found.

No stage of the pipeline reads this.
"""

import re
from typing import Any

from am_assets.mini.upstream.benchmarks import BENCHMARKS, benchmark_items
from am_assets.mini.upstream.planted import KINDS, entries

NGRAM = 8


def word_ngrams(text: str, n: int = NGRAM) -> set[tuple[str, ...]]:
    """The runs of `n` words of a text, without case and punctuation."""
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def planted_truth() -> list[dict[str, Any]]:
    """One row for everything planted: source, week, upstream_key, planted and of.

    `week` is the index of the week in which the row first appears. `planted` is exact_duplicate,
    near_duplicate, contaminated, junk, wrong_response, right_response or hopeless. `of` is the
    upstream key of the duplicated row (in source `of_source`; dropping either of the two is right)
    or the id of the benchmark item; `shares_8gram` says whether a contaminated row shares a run of
    eight words with that item; `defect` is "answer" or "format" for wrong responses.
    """
    prompts = {
        item["item_id"]: item["prompt"] for name in BENCHMARKS for item in benchmark_items(name)
    }
    rows: list[dict[str, Any]] = []
    for source in KINDS:
        for entry in entries(source):
            plant = entry.plant
            if plant is None:
                continue
            item = prompts.get(plant.of or "")
            rows.append(
                {
                    "source": source,
                    "week": entry.week,
                    "upstream_key": entry.key,
                    "planted": plant.label,
                    "of": plant.of,
                    "of_source": plant.of_source,
                    "shares_8gram": None
                    if item is None
                    else bool(word_ngrams(entry.problem.prompt) & word_ngrams(item)),
                    "defect": plant.defect,
                }
            )
    return rows
