"""Requests with checkable constraints (IFEval's identifiers), and answers that satisfy them."""

import random
from collections.abc import Sequence
from typing import Any

from am_assets.mini.problems.problem import Problem, Split
from am_assets.mini.problems.topics import TOPICS, Topic
from am_assets.mini.problems.words import word_table

Constraint = dict[str, Any]

KEYWORDS = word_table(
    "window garden silver bridge morning music river shadow candle winter journey mountain "
    "letter market copper velvet harvest mirror ticket island"
)
FORBIDDEN = word_table("very nice really thing stuff amazing always basically great awesome")
END_PHRASES = (
    "That is all for today.",
    "Thank you for reading.",
    "See you next time.",
    "I hope this helps.",
    "Now you know.",
)

REQUESTS = (
    "Write a short text about {topic}.",
    "Describe {topic} to a child.",
    "A museum guide needs a few lines on {topic}.",
    "Explain {topic} to a visitor from far away.",
    "My school paper wants a paragraph about {topic}.",
    "Tell my grandmother what {topic} is like.",
    "Draft a postcard text on {topic}.",
    "I collect small portraits of things. Portray {topic} for me.",
    "What would you say about {topic} on the radio?",
    "Help me introduce {topic} in a speech.",
)

# Every id with wordings of the demand; slots are the kwargs.
WORDINGS: dict[str, tuple[str, ...]] = {
    "keywords:existence": (
        "Include the keywords {first} and {second}.",
        "The words {first} and {second} must appear.",
    ),
    "keywords:forbidden_words": (
        "Do not use the words {first} or {second}.",
        "The words {first} and {second} are not allowed.",
    ),
    "change_case:english_lowercase": (
        "Use lowercase letters only.",
        "Your whole answer must be in lowercase.",
    ),
    "change_case:english_capital": (
        "Use capital letters only.",
        "Your whole answer must be in capitals.",
    ),
    "punctuation:no_comma": ("Do not use any commas.", "No comma may appear in your answer."),
    "startend:end_checker": (
        "End with the phrase: {end_phrase}",
        "The last words must be: {end_phrase}",
    ),
    "startend:quotation": (
        "Wrap your whole answer in double quotation marks.",
        "Put double quotes around the full answer.",
    ),
    "detectable_format:title": (
        "Give it a title in double angular brackets such as <<title>>.",
        "Add a title wrapped in << and >>.",
    ),
    "detectable_format:number_bullet_lists": (
        "Answer with exactly {num_bullets} bullet points that start with a star.",
        "Use exactly {num_bullets} bullets such as * this one.",
    ),
    "length_constraints:number_words": (
        "Use {relation} {num_words} words.",
        "Your answer should have {relation} {num_words} words.",
    ),
}
IDS = tuple(WORDINGS)

# Demands that cannot be met together, or that say the same.
_CONFLICTS = (
    {"change_case:english_lowercase", "change_case:english_capital"},
    {"startend:quotation", "startend:end_checker"},
    {"startend:quotation", "detectable_format:title"},
    {"startend:quotation", "detectable_format:number_bullet_lists"},
    {"length_constraints:number_words", "detectable_format:number_bullet_lists"},
    {"length_constraints:number_words", "keywords:existence"},
)


def compatible(ids: Sequence[str]) -> bool:
    """Whether one answer can satisfy all of these constraints."""
    return len(set(ids)) == len(ids) and not any(pair <= set(ids) for pair in _CONFLICTS)


def draw_constraint(instruction_id: str, rng: random.Random) -> Constraint:
    """Draw the kwargs of a constraint."""
    kwargs: dict[str, Any] = {}
    if instruction_id == "keywords:existence":
        kwargs = {"keywords": rng.sample(KEYWORDS, 2)}
    elif instruction_id == "keywords:forbidden_words":
        kwargs = {"forbidden_words": rng.sample(FORBIDDEN, 2)}
    elif instruction_id == "startend:end_checker":
        kwargs = {"end_phrase": rng.choice(END_PHRASES)}
    elif instruction_id == "detectable_format:number_bullet_lists":
        kwargs = {"num_bullets": rng.randint(2, 4)}
    elif instruction_id == "length_constraints:number_words":
        relation = rng.choice(("at least", "less than"))
        words = rng.choice((8, 10, 12, 15)) if relation == "at least" else rng.choice((25, 30, 40))
        kwargs = {"relation": relation, "num_words": words}
    return {"instruction_id": instruction_id, "kwargs": kwargs}


def _demand(constraint: Constraint, wording: int) -> str:
    texts = WORDINGS[constraint["instruction_id"]]
    kwargs = dict(constraint["kwargs"])
    for words in ("keywords", "forbidden_words"):
        if words in kwargs:
            kwargs["first"], kwargs["second"] = kwargs[words]
    return texts[wording % len(texts)].format(**kwargs)


def _answer(topic: Topic, constraints: list[Constraint]) -> str:
    by_id = {c["instruction_id"]: c["kwargs"] for c in constraints}
    sentences = [
        f"{topic.name[0].upper()}{topic.name[1:]} is {topic.trait}.",
        f"You can find it {topic.where}.",
        f"Many people like it because {topic.why}.",
        "It is worth a closer look.",
    ]
    length = by_id.get("length_constraints:number_words")
    bullets = by_id.get("detectable_format:number_bullet_lists")
    if bullets:
        sentences = sentences[: bullets["num_bullets"]]
    elif not (length and length["relation"] == "at least"):
        sentences = sentences[: 2 if length else 3]
    if "keywords:existence" in by_id:
        first, second = by_id["keywords:existence"]["keywords"]
        sentences[-1] += f" It brings to mind a {first} and a {second}."
    text = "\n".join(f"* {s}" for s in sentences) if bullets else " ".join(sentences)
    if "detectable_format:title" in by_id:
        text = f"<<{topic.name.title()}>>\n{text}"
    if "startend:end_checker" in by_id:
        separator = "\n" if bullets else " "
        text = f"{text}{separator}{by_id['startend:end_checker']['end_phrase']}"
    if "startend:quotation" in by_id:
        text = f'"{text}"'
    if "change_case:english_lowercase" in by_id:
        return text.lower()
    return text.upper() if "change_case:english_capital" in by_id else text


_SHORT = {
    "keywords:existence": "two keywords",
    "keywords:forbidden_words": "two forbidden words",
    "change_case:english_lowercase": "lowercase",
    "change_case:english_capital": "capitals",
    "punctuation:no_comma": "no commas",
    "startend:end_checker": "a fixed end",
    "startend:quotation": "double quotes",
    "detectable_format:title": "a title",
    "detectable_format:number_bullet_lists": "bullets",
    "length_constraints:number_words": "a length",
}


def build(topic: Topic, constraints: list[Constraint], request: str, wording: int) -> Problem:
    """Ask for a text on `topic` under `constraints`; `wording` picks how each is demanded."""
    demands = " ".join(_demand(constraint, wording) for constraint in constraints)
    needs = " and ".join(_SHORT[constraint["instruction_id"]] for constraint in constraints)
    return Problem(
        kind="instruction",
        prompt=f"{request.format(topic=topic.name)} {demands}",
        think=f"The topic is {topic.name}. The answer needs {needs}.",
        answer=_answer(topic, constraints),
        reference_answer=None,
        test_case=None,
        constraints=constraints,
        category="creative writing",
        difficulty="medium" if len(constraints) == 1 else "hard",
        skill="instruction:" + "+".join(c["instruction_id"] for c in constraints),
    )


def sample(rng: random.Random, split: Split) -> Problem:
    """Draw one instruction problem; every sixth topic is held out for `benchmark`."""
    topics = [
        topic
        for i, topic in enumerate(TOPICS)
        if split == "train" or (i % 6 == 5) == (split == "benchmark")
    ]
    while True:
        ids = rng.sample(IDS, rng.choice((1, 2)))
        if compatible(ids):
            break
    constraints = [draw_constraint(instruction_id, rng) for instruction_id in ids]
    return build(rng.choice(topics), constraints, rng.choice(REQUESTS), rng.randint(0, 1))
