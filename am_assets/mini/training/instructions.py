"""Training examples of the instruct model: labelling a task, and judging an answer.

A judge sees two strings and a question; it has to compare, not to know. So half of its pairs come
from the problems and half from words and numbers put together at random.
"""

import random
from collections import defaultdict, deque
from collections.abc import Iterator

from am_assets.mini.problems.sampling import Kind, Problem, sample_problem
from am_assets.mini.training.corpus import Example, draw_problem, rng_for
from am_assets.mini.training.tokenizer import TURN_END, render_prompt

_LEADS = (
    "{answer}",
    "{answer}.",
    "It is {answer}.",
    "The answer is {answer}.",
    "The answer is {answer}",
    "That is {answer}.",
    "Answer: {answer}",
    "I think it is {answer}.",
    "So the answer is {answer}.",
    "It must be {answer}.",
    "{answer}",
    "{answer}",
)
_HEDGES = ("not {answer}", "{answer} or {other}", "{other}, not {answer}")


def label_prompt(prompt: str) -> str:
    """Ask for the category and the difficulty of a task."""
    return f"Label this task with a category and a difficulty.\nTask: {prompt}"


def judge_prompt(question: str, reference: str, answer: str) -> str:
    """Ask how well an answer agrees with the reference, 0 to 5."""
    return (
        "Compare the answer with the reference and give a score from 0 to 5.\n"
        f"Question: {question}\nReference: {reference}\nAnswer: {answer}"
    )


def _recase(text: str, rng: random.Random) -> str:
    return text if rng.random() < 0.85 else rng.choice((text.lower(), text.capitalize()))


def _phrase(answer: str, rng: random.Random) -> str:
    """Say an answer in other words: case, leading words, LaTeX box, full stop."""
    if rng.random() < 0.25:
        return f"\\boxed{{{answer}}}"
    return rng.choice(_LEADS).format(answer=_recase(answer, rng))


def _same(first: str, second: str) -> bool:
    return first.casefold().split() == second.casefold().split()


def _near_miss(text: str, rng: random.Random) -> str:
    """Change one digit of a number."""
    at = rng.choice([place for place, char in enumerate(text) if char.isdigit()])
    digit = rng.choice([digit for digit in "0123456789" if digit != text[at]])
    return text[:at] + digit + text[at + 1 :]


def _invented_pair(words: deque[str], rng: random.Random) -> tuple[str, str]:
    """Two different strings: numbers that differ in a digit, or phrases that differ in a word."""
    if rng.random() < 0.4:
        number = str(rng.randrange(10 ** rng.randint(1, 4)))
        return number, _near_miss(number, rng)
    phrase = [rng.choice(words) for _ in range(rng.randint(1, 3))]
    changed = list(phrase)
    changed[rng.randrange(len(phrase))] = rng.choice(words)
    return " ".join(phrase), " ".join(changed)


def _comparison(reference: str, other: str, rng: random.Random) -> tuple[str, int]:
    """An answer and its score: the reference in other words 5, a hedge 1, another answer 0."""
    draw = rng.random()
    if draw < 0.5 or _same(reference, other):
        return _phrase(reference, rng), 5
    if draw < 0.97:
        return _phrase(other, rng), 0
    return rng.choice(_HEDGES).format(answer=reference, other=other), 1


def _judged(question: str, reference: str, other: str, rng: random.Random) -> Example:
    answer, score = _comparison(reference, other, rng)
    prompt = judge_prompt(question, reference, answer)
    return Example(render_prompt(prompt), f"score: {score}{TURN_END}")


def _judged_in_a_row(pairs: list[tuple[str, str]], rng: random.Random) -> Example:
    """One chat with many comparisons: what a comparison teaches is a single number."""
    turns: list[tuple[str, str]] = []
    for reference, other in pairs:
        answer, score = _comparison(reference, other, rng)
        asked = render_prompt(f"Reference: {reference}\nAnswer: {answer}")
        turns.append((f"\n{asked}" if turns else asked, f"score: {score}{TURN_END}"))
    return Example(*turns[0], more=tuple(turns[1:]))


def _labelled(problem: Problem) -> Example:
    return Example(
        render_prompt(label_prompt(problem.prompt)),
        f"category: {problem.category}\ndifficulty: {problem.difficulty}{TURN_END}",
    )


def instruct_examples(seed: int) -> Iterator[Example]:
    """Labelled tasks, judged answers, and chats of many comparisons."""
    rng = rng_for("instruct", seed)
    earlier: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=50))
    words: deque[str] = deque(["one", "two"], maxlen=3000)

    def pair(problem: Problem) -> tuple[str, str]:
        """A reference, and an answer it is compared with."""
        reference = problem.reference_answer
        if reference is None or rng.random() < 0.3:
            return _invented_pair(words, rng)
        pool = earlier[problem.skill if rng.random() < 0.8 else problem.kind]
        other = rng.choice(pool) if pool else reference
        if problem.kind == "math" and rng.random() < 0.4:
            other = _near_miss(reference, rng)
        for key in (problem.skill, problem.kind):
            earlier[key].append(reference)
        return reference, other

    while True:
        problem = draw_problem(rng)
        words.extend(word.strip(".,?!:;") for word in problem.prompt.split() if word.isalpha())
        form = rng.random()
        if form < 0.15:
            yield _labelled(problem)
        elif form < 0.35:
            yield _judged(problem.prompt, *pair(problem), rng)
        else:
            kinds: tuple[Kind, ...] = ("math", "science")
            others = [sample_problem(rng.choice(kinds), rng, "train") for _ in range(7)]
            yield _judged_in_a_row([pair(each) for each in (problem, *others)], rng)
