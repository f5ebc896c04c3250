"""Elementary science questions over a closed world of facts, told in many situations."""

import random
import re

from am_assets.mini.problems.problem import Problem, Split
from am_assets.mini.problems.science_facts import FAMILIES, SCALES, Family
from am_assets.mini.problems.words import NAMES, PLACES, word_table

ROLES = word_table(
    "nurse baker sailor plumber pilot violinist gardener farmer teacher tailor postman dentist "
    "barber painter goalkeeper librarian carpenter waiter lifeguard clockmaker miner fisherman "
    "photographer beekeeper juggler florist cyclist mechanic poet firefighter referee blacksmith "
    "optician puppeteer shepherd diver jeweller butcher hotel-owner locksmith"
)

SITUATIONS = (
    "{question}",
    "{name}, a {role} in {place}, asks: {question}",
    "A {role} from {place} wants to know this for a quiz night. {question}",
    "{question} {name} needs the answer for a crossword in {place}.",
    "On the way to {place}, {name} and a {role} argue about one question. {question}",
    "In a letter to a {role} in {place}, {name} writes: {question}",
)
BENCHMARK_SITUATIONS = ("{question}", "{question} Answer briefly.")


def build_fact(
    family: Family, fact: tuple[str, str], wording: str, situation: str, **slots: str
) -> Problem:
    """Ask for one fact of a family in a wording and a situation (slots: name, role, place)."""
    subject, answer = fact
    statement = family.statement.format(x=subject, y=answer)
    return _problem(
        situation.format(question=wording.format(x=subject), **slots),
        statement,
        answer,
        "information seeking",
        family.difficulty,
        f"science:{family.name}",
    )


def build_comparison(
    scale: tuple[str, str, str, tuple[str, ...]],
    first: int,
    second: int,
    situation: str,
    **slots: str,
) -> Problem:
    """Ask which of two things on a scale has more of it; `first` and `second` are places on it."""
    name, question, statement, things = scale
    more, less = things[min(first, second)], things[max(first, second)]
    told = statement.format(y=more, z=less)
    return _problem(
        situation.format(question=question.format(a=things[first], b=things[second]), **slots),
        told[0].upper() + told[1:],
        more,
        "reasoning",
        "medium",
        f"science:{name}",
    )


def _with_articles(text: str) -> str:
    """Write "an" before vowels; no word of the tables is an exception to that rule."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


def _problem(
    prompt: str, think: str, answer: str, category: str, difficulty: str, skill: str
) -> Problem:
    return Problem(
        kind="science",
        prompt=_with_articles(prompt),
        think=_with_articles(think),
        answer=answer,
        reference_answer=answer,
        test_case=None,
        constraints=None,
        category=category,
        difficulty=difficulty,
        skill=skill,
    )


def sample(rng: random.Random, split: Split) -> Problem:
    """Draw one science problem of a split; `train` asks for every fact, in source wordings."""
    if split == "benchmark":
        family = rng.choice(FAMILIES)
        return build_fact(
            family,
            rng.choice(family.split(benchmark=True)),
            rng.choice(family.benchmark),
            rng.choice(BENCHMARK_SITUATIONS),
        )
    slots = {"name": rng.choice(NAMES), "role": rng.choice(ROLES), "place": rng.choice(PLACES)}
    situation = rng.choice(SITUATIONS)
    if rng.random() < 0.2:
        scale = rng.choice(SCALES)
        first, second = rng.sample(range(len(scale[3])), 2)
        return build_comparison(scale, first, second, situation, **slots)
    if split == "source":
        family = rng.choice(FAMILIES)
        fact = rng.choice(family.split(benchmark=False))
        return build_fact(family, fact, rng.choice(family.source), situation, **slots)
    family, fact = rng.choice([(family, fact) for family in FAMILIES for fact in family.facts])
    if fact in family.split(benchmark=False) and rng.random() < 0.4:
        # The benchmark's wordings are trained on the sources' facts only.
        return build_fact(
            family, fact, rng.choice(family.benchmark), rng.choice(BENCHMARK_SITUATIONS)
        )
    return build_fact(family, fact, rng.choice(family.source), situation, **slots)
