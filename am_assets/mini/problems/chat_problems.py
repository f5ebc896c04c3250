"""Short everyday requests without a checkable answer, and helpful replies that name the topic."""

import random
from dataclasses import dataclass

from am_assets.mini.problems.problem import Problem, Split
from am_assets.mini.problems.topics import ACTIVITIES, Activity
from am_assets.mini.problems.words import NAMES, PLACES


@dataclass(frozen=True)
class Request:
    """A way to talk about an activity: request wordings, the gold reasoning and the reply.

    Slots: `g` the activity, `G` the same with a capital, `first` and `second` its advice, `First`
    with a capital, `n` a name, `p` a place.
    """

    name: str
    wordings: tuple[str, ...]
    think: str
    answer: str
    category: str
    difficulty: str


REQUESTS: tuple[Request, ...] = (
    Request(
        "tips",
        (
            "Can you give me a tip for {g}?",
            "My friend {n} in {p} struggles with {g}. What would you advise?",
            "What helps with {g}? {n} asked me and I had no idea.",
        ),
        "The user wants advice on {g}. I give two simple steps.",
        "For {g}, {first}. It also helps to {second}.",
        "information seeking",
        "easy",
    ),
    Request(
        "plan",
        (
            "Make a tiny plan for {g} this weekend.",
            "{n} visits me from {p} on Saturday for {g}. Please plan it in two steps.",
            "I have one free afternoon for {g}. In which order should I do things?",
        ),
        "The user wants a plan for {g}. I put two steps in order.",
        "First, {first}. Then {second}. That is a good plan for {g}.",
        "planning",
        "medium",
    ),
    Request(
        "poem",
        (
            "Write one poetic line about {g}.",
            "{n} from {p} loves {g}. Could you rhyme a line on it?",
            "I need a verse on {g} for a birthday card to {n}.",
        ),
        "The user wants a line of verse about {g}. I keep it short and warm.",
        "Oh {g}, you fill the day, and chase the quiet clouds away.",
        "creative writing",
        "medium",
    ),
    Request(
        "talk",
        (
            "I tried {g} with {n} in {p} today!",
            "Guess what, {n} and I spent our holiday in {p} on {g}.",
            "Since last week {g} is my new hobby, thanks to {n}.",
        ),
        "The user shares news about {g}. I reply kindly and add one tip.",
        "That sounds lovely! {G} is a fine way to spend a day. Next time, {first}.",
        "others",
        "very easy",
    ),
    Request(
        "comfort",
        (
            "I am nervous about {g}. Any kind words?",
            "{n} thinks I will fail at {g} in {p}. Cheer me up!",
            "Everything went wrong with {g} yesterday. Please encourage me.",
        ),
        "The user worries about {g}. I encourage and give one simple step.",
        "Do not worry, you will do well at {g}. Just {first} and enjoy it.",
        "others",
        "easy",
    ),
)


def build(activity: Activity, request: Request, wording: int, name: str, place: str) -> Problem:
    """Talk about `activity` in one of the request's wordings."""
    slots = {
        "g": activity.name,
        "G": activity.name[0].upper() + activity.name[1:],
        "first": activity.first,
        "second": activity.second,
        "n": name,
        "p": place,
    }
    return Problem(
        kind="chat",
        prompt=request.wordings[wording].format(**slots),
        think=request.think.format(**slots),
        answer=request.answer.format(**slots),
        reference_answer=None,
        test_case=None,
        constraints=None,
        category=request.category,
        difficulty=request.difficulty,
        skill=f"chat:{request.name}",
    )


def sample(rng: random.Random, split: Split) -> Problem:
    """Draw one chat problem; every sixth activity is held out for `benchmark`."""
    activities = [
        activity
        for i, activity in enumerate(ACTIVITIES)
        if split == "train" or (i % 6 == 5) == (split == "benchmark")
    ]
    request = rng.choice(REQUESTS)
    wording = rng.randrange(len(request.wordings))
    return build(rng.choice(activities), request, wording, rng.choice(NAMES), rng.choice(PLACES))
