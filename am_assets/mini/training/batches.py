"""Batches of similar length from an endless stream of examples.

Rows are padded on the right. Under a causal mask no real token can see the padding and no loss
falls on it, so no attention mask is needed and batches cost little more than their real tokens.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar, cast

import torch
from transformers import PreTrainedTokenizerBase

from am_assets.mini.training.corpus import Example
from am_assets.mini.training.ratings import RatedAnswer

Row = TypeVar("Row")

_POOL = 4096
_MULTIPLE = 8


@dataclass(frozen=True)
class CausalBatch:
    """`inputs` is (rows, length) int64. Flat positions `at` predict the next tokens `targets`."""

    inputs: torch.Tensor
    at: torch.Tensor
    targets: torch.Tensor


@dataclass(frozen=True)
class RatedBatch:
    """`inputs` is (rows, length) int64, `last` the last real position, `ratings` (rows, 3)."""

    inputs: torch.Tensor
    last: torch.Tensor
    ratings: torch.Tensor


def _pooled(
    rows: Iterator[Row], length: Callable[[Row], int], tokens: int, rng: random.Random
) -> Iterator[list[Row]]:
    """Sort pools of rows by length and cut them into lists of at most `tokens` padded tokens."""
    while pool := sorted(islice(rows, _POOL), key=length):
        lists: list[list[Row]] = [[]]
        for row in pool:
            if (len(lists[-1]) + 1) * length(row) > tokens and lists[-1]:
                lists.append([])
            lists[-1].append(row)
        rng.shuffle(lists)
        yield from lists


def _padded(rows: list[list[int]], pad: int) -> torch.Tensor:
    width = -(-max(map(len, rows)) // _MULTIPLE) * _MULTIPLE
    return torch.tensor([row + [pad] * (width - len(row)) for row in rows])


def causal_batches(
    examples: Iterator[Example],
    tokenizer: PreTrainedTokenizerBase,
    tokens: int,
    rng: random.Random,
) -> Iterator[CausalBatch]:
    """Endless batches of about `tokens` tokens whose loss falls on the learnt parts only."""
    pad = int(cast("int", tokenizer.pad_token_id))

    def encoded() -> Iterator[tuple[list[int], list[bool]]]:
        while pool := list(islice(examples, _POOL)):
            spans = [((each.given, each.learnt), *each.more) for each in pool]
            texts = [text for example in spans for pair in example for text in pair]
            ids = iter(tokenizer(texts)["input_ids"])
            for example in spans:
                row: list[int] = []
                learnt: list[bool] = []
                for learn in (False, True) * len(example):
                    row += (span := next(ids))
                    learnt += [learn] * len(span)
                yield row, learnt

    for rows in _pooled(encoded(), lambda row: len(row[0]), tokens, rng):
        inputs = _padded([row for row, _ in rows], pad)
        width = inputs.shape[1]
        at = torch.tensor(
            [
                number * width + place - 1
                for number, (_, learnt) in enumerate(rows)
                for place, learn in enumerate(learnt)
                if learn and place > 0
            ]
        )
        yield CausalBatch(inputs, at, inputs.flatten()[at + 1])


def rated_batches(
    answers: Iterator[RatedAnswer],
    tokenizer: PreTrainedTokenizerBase,
    tokens: int,
    rng: random.Random,
) -> Iterator[RatedBatch]:
    """Endless batches of about `tokens` tokens for the reward model."""
    pad = int(cast("int", tokenizer.pad_token_id))

    def encoded() -> Iterator[tuple[list[int], tuple[float, float, float]]]:
        while pool := list(islice(answers, _POOL)):
            texts = tokenizer([answer.text for answer in pool])["input_ids"]
            yield from zip(texts, (answer.ratings for answer in pool), strict=True)

    for rows in _pooled(encoded(), lambda row: len(row[0]), tokens, rng):
        yield RatedBatch(
            _padded([row for row, _ in rows], pad),
            torch.tensor([len(row) - 1 for row, _ in rows]),
            torch.tensor([ratings for _, ratings in rows]),
        )
