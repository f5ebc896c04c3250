"""No response, constraint or argument crashes the check; what is malformed is never decided.

AM_ASSETS_FUZZ sets the number of cases (a few hundred by default).
"""

import json
import os
import random

from am_assets.core.settings.verification import InstructionConfig
from am_assets.stages.verification.instruction.check import check_instructions
from am_assets.stages.verification.instruction.ifeval import CONSTRAINTS
from am_assets_tests.unit.stages.verification.instruction.test_ifeval import CASES

_CASES = int(os.environ.get("AM_ASSETS_FUZZ", "400"))
_PIECES = [
    *(response for *_, good, bad in CASES for response in (good, bad)),
    *(
        "\x00",
        "\ud800",
        "\u200b",
        "\u0301",
        "\U0001f600",
        "\r\n",
        "\n\n",
        "***",
        "******",
        "<<",
        ">>",
    ),
    *(
        "[",
        "]",
        "```json",
        "{",
        "}",
        "“",
        "」",
        "。",
        "，",
        "P.S.",
        "ß",
        "İ",
        "नि",
        "กขค",
        "한국어",
        "a" * 500,
    ),
]
_VALUES = [None, True, -1, 0, 3, 2.0, 2.5, float("nan"), float("inf"), 10**400, "", " ", "at least"]
_VALUES += ["less than", "(", "[a-", "\\", "*", [], [""], ["a", 3], ["a"], {}, {"a": []}]
_KEYS = sorted({key for _, kwargs, *_ in CASES for key in kwargs})


def _response(rng: random.Random) -> str:
    text = "".join(rng.choice(_PIECES) for _ in range(rng.randrange(8)))
    cut = rng.randrange(len(text) + 1)
    return text[cut:] + text[:cut] if rng.random() < 0.3 else text


def _constraint(rng: random.Random) -> object:
    if rng.random() < 0.05:
        return rng.choice([*_VALUES, {"instruction_id": rng.choice(_VALUES)}])
    name, kwargs, *_ = rng.choice(CASES)
    changed = dict(kwargs)
    if rng.random() < 0.5:
        changed[rng.choice([*kwargs, rng.choice(_KEYS)])] = rng.choice(_VALUES)
    return {
        "instruction_id": name,
        "kwargs": changed if rng.random() < 0.95 else rng.choice(_VALUES),
    }


def test_random_checks_end_in_a_verdict_that_can_be_stored():
    for seed in range(_CASES):
        rng = random.Random(seed)
        constraints = [_constraint(rng) for _ in range(rng.randrange(1, 4))]
        response = _response(rng)
        outcome = check_instructions(response, constraints, InstructionConfig())
        assert outcome.status in ("pass", "fail", "unverifiable"), seed
        assert (outcome.score is None) == (outcome.status == "unverifiable"), seed
        json.dumps(outcome.evidence)
        assert check_instructions(response, constraints, InstructionConfig()) == outcome, seed


def test_an_unusable_argument_is_never_decided():
    for name, kwargs, good, bad in CASES:
        for key in kwargs:
            for value in (None, True, {}, 2.5, float("nan"), " "):
                rows = [{"instruction_id": name, "kwargs": kwargs | {key: value}}]
                for response in (good, bad):
                    outcome = check_instructions(response, rows, InstructionConfig())
                    assert outcome.status == "unverifiable", (name, key, value)
    assert {name for name, *_ in CASES} == CONSTRAINTS.keys()
