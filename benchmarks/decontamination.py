"""What decontamination finds of rephrased benchmark items, and what it takes for one wrongly.

    python benchmarks/decontamination.py --data FOLDER [--threshold T] [--cache FOLDER]

FOLDER has pairs/mmlu_us_history.csv (item, four options, answer), pairs/mmlu_us_history_rephrased
.jsonl (`text`, in the items' order), and the files of SETS below. Recall counts each rephrasing
that is found, whichever item is named. False positives are counted leave-one-out (each rephrasing
against the benchmark without its own item; a few items are left out at a time), and on problems of
other collections, some of which do hold the same problem: the table counts these as wrong too.
"""

import argparse
import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from am_assets.core.profile import Decontamination, load_profile
from am_assets.stages.decontamination import Hit, Item, Rows, Scanner, read_prompt, rows_of
from am_assets.stages.embedding.remembered import remembered_vectors
from am_assets.standalone.embedding import open_embedding

SETS = {
    "gsm8k_train": ("math/gsm8k_train.jsonl", "question"),
    "gsm8k_test": ("benchmarks/gsm8k_test.jsonl", "question"),
    "svamp": ("math/svamp.jsonl", "Body+Question"),
    "cmath_zh": ("math/cmath_zh.jsonl", "question"),
    "math_500": ("benchmarks/math_500.jsonl", "problem"),
    "mbpp": ("code/mbpp.jsonl", "text"),
    "humaneval": ("benchmarks/humaneval.jsonl", "prompt"),
    "mmlu_stem": ("science/mmlu_stem.jsonl", "question"),
    "scibench": ("science/scibench.jsonl", "problem_text"),
    "ifeval": ("instruction/ifeval_prompts.jsonl", "prompt"),
    "belle_zh": ("chat/belle_eval_set_zh.jsonl", "question"),
}
UNRELATED = [
    ("svamp", "gsm8k_test"),
    ("gsm8k_train", "gsm8k_test"),
    ("cmath_zh", "gsm8k_test"),
    ("mbpp", "humaneval"),
    ("mmlu_stem", "us_history"),
    ("ifeval", "us_history"),
    ("scibench", "math_500"),
    ("scibench", "mmlu_stem"),
    ("svamp", "math_500"),
    ("belle_zh", "cmath_zh"),
]
Form = Callable[[dict[str, Any]], str]

FOLDS = 34
"""Of the items, by number: neighbors, which often share a passage, are in different ones."""
ITEMS: dict[str, Form] = {
    "whole": lambda row: row["item"],
    "question and options": lambda row: "\n".join([row["question"], *row["options"]]),
    "question": lambda row: row["question"],
}
FORMS: dict[str, Form] = {
    "question alone": lambda row: row["rephrased"],
    "question and options": lambda row: "\n".join([row["rephrased"], *row["options"]]),
    "passage and question": lambda row: "\n".join([row["passage"], row["rephrased"]]),
}
"""What of an item is rephrased in the training row; the benchmark has items with options."""


class Texts:
    """Rows of texts, embedded once."""

    def __init__(self, opened: Any, settings: Decontamination) -> None:
        self._opened, self._settings = opened, settings

    def rows(self, texts: Sequence[str]) -> Rows:
        parts = [read_prompt(text).parts for text in texts]
        return rows_of(texts, self._embed(texts, texts), parts, self._embed, texts)

    def scan(self, texts: Sequence[str], items: Sequence[str]) -> list[Hit | None]:
        """The hit of each text against `items`, which are named by their places."""
        named = [Item(f"{place:06}", "b", text) for place, text in enumerate(items)]
        scanner = Scanner(named, self.rows(items), self._settings)
        found = scanner.scan([read_prompt(text) for text in texts], self.rows(texts))
        return [one if isinstance(one, Hit) else None for one in found]

    def _embed(self, texts: Sequence[str], owners: Sequence[str]) -> np.ndarray:
        del owners
        opened = self._opened
        return remembered_vectors(texts, opened.engine, opened.memory, opened.config)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--profile", default="files")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    settings = load_profile(given.profile).decontamination
    if given.threshold is not None:
        settings = settings.model_copy(update={"embedding_threshold": given.threshold})
    out = Console(width=120, highlight=False)
    rows = list(_rephrased(given.data / "pairs"))
    with open_embedding(given.profile, given.cache) as opened:
        texts = Texts(opened, settings)
        table = Table("training rows", "rows", "recall", "own item", "exact", "ngram", "embedding")
        for name, form in FORMS.items():
            asked = [row for row in rows if row["rephrased"]]
            found = texts.scan([form(row) for row in asked], [row["item"] for row in rows])
            own = sum(
                hit is not None and int(hit.item) == row["number"]
                for row, hit in zip(asked, found, strict=True)
            )
            table.add_row(name, *_line(found, own))
        out.print(table)
        table = Table("prompts", "benchmark", "rows", "found", "exact", "ngram", "embedding")
        sets = {name: _texts(given.data / path, key) for name, (path, key) in SETS.items()}
        sets["us_history"] = [row["item"] for row in rows]
        for prompts, benchmark in UNRELATED:
            found = texts.scan(sets[prompts], sets[benchmark])
            table.add_row(prompts, benchmark, *_line(found))
        out.print(table)
        table = Table("leave-one-out", "items", "rows", "wrong", "exact", "ngram", "embedding")
        for left, item in ITEMS.items():
            for form in ("question alone", "question and options"):
                table.add_row(form, left, *_line(_left_out(texts, rows, item, FORMS[form])))
        out.print(table)


def _left_out(
    texts: Texts, rows: Sequence[dict[str, Any]], item: Form, form: Form
) -> list[Hit | None]:
    """Hits of each rephrasing on a benchmark without its own item and a few others."""
    found: list[Hit | None] = []
    for fold in range(FOLDS):
        asked = [row for row in rows if row["number"] % FOLDS == fold and row["rephrased"]]
        others = [row for row in rows if row["number"] % FOLDS != fold]
        if asked:
            found += texts.scan([form(row) for row in asked], [item(row) for row in others])
    return found


def _line(found: Sequence[Hit | None], own: int | None = None) -> list[str]:
    counts = Counter(hit.method for hit in found if hit is not None)
    shares = [counts.total()] if own is None else [counts.total(), own]
    return [
        f"{len(found):,}",
        *(f"{share / len(found):.2%}" for share in shares),
        *(f"{counts[name]}" for name in ("exact", "ngram", "embedding")),
    ]


def _rephrased(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / "mmlu_us_history.csv").open(encoding="utf-8", newline="") as file:
        items = list(csv.reader(file))
    with (folder / "mmlu_us_history_rephrased.jsonl").open(encoding="utf-8") as file:
        rephrased = [json.loads(line)["text"].strip() for line in file]
    for number, (item, text) in enumerate(zip(items, rephrased, strict=True)):
        options = [f"{letter}. {choice}" for letter, choice in zip("ABCD", item[1:5], strict=True)]
        passage, _, question = item[0].rpartition("\n")
        yield {
            "number": number,
            "passage": passage,
            "question": question,
            "options": options,
            "item": "\n".join([item[0], *options]),
            "rephrased": text,
        }


def _texts(path: Path, keys: str) -> list[str]:
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [" ".join(row[key] for key in keys.split("+")) for row in rows]


if __name__ == "__main__":
    main()
