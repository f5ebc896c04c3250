"""The unplanted rows of the upstream sources: problems that are distinct by construction.

Rows walk through the tables in strides instead of drawing from them, so that no two rows of a
source share frame and subject, and a frame never repeats with the same answer.
"""

import dataclasses

from am_assets.mini.problems import (
    chat_problems,
    code_problems,
    instruction_problems,
    math_problems,
    science_problems,
)
from am_assets.mini.problems.code_families import FAMILIES as CODE_FAMILIES
from am_assets.mini.problems.code_scenes import SOURCE_SCENES
from am_assets.mini.problems.math_frames import SOURCE_FRAMES
from am_assets.mini.problems.problem import Kind, Problem
from am_assets.mini.problems.science_facts import FAMILIES as SCIENCE_FAMILIES
from am_assets.mini.problems.science_facts import SCALES
from am_assets.mini.problems.seeds import seeded
from am_assets.mini.problems.topics import ACTIVITIES, TOPICS
from am_assets.mini.problems.words import NAMES, OBJECTS, PLACES


def _math(count: int, *, revised: bool = False) -> list[Problem]:
    frames = [(op, frame) for op, table in SOURCE_FRAMES.items() for frame in table]
    frames = [frames[i * 13 % len(frames)] for i in range(len(frames))]
    answers: dict[tuple[str, str], set[int]] = {}
    rows: list[Problem] = []
    for i in range(count):
        operation, frame = frames[i % len(frames)]
        rng, used = seeded("honest", "math", i), answers.setdefault(frame, set())
        drawn: list[math_problems.Numbers] = []
        # A row and its revision have answers that no other row of the frame has.
        while len(drawn) < 2:
            numbers = math_problems.draw_numbers(operation, rng, held_out=None)
            if math_problems.result(operation, numbers) not in used:
                used.add(math_problems.result(operation, numbers))
                drawn.append(numbers)
        rows.append(
            math_problems.build(
                operation,
                frame,
                drawn[revised],
                name=NAMES[i * 7 % len(NAMES)],
                things=OBJECTS[i * 11 % len(OBJECTS)],
                place=PLACES[(i * 3 + i // len(PLACES)) % len(PLACES)],
                order=math_problems.ORDERS[(i + i // len(frames)) % len(math_problems.ORDERS)],
            )
        )
    return rows


def _code(count: int) -> list[Problem]:
    rows: list[Problem] = []
    for i in range(count):
        family = CODE_FAMILIES[i % len(CODE_FAMILIES)]
        constant = family.constants[i // len(CODE_FAMILIES) * 3 % len(family.constants)]
        scene = SOURCE_SCENES[i % len(SOURCE_SCENES)]
        rows.append(
            code_problems.build(
                family, constant, scene, seeded("honest", "code", i), benchmark=False
            )
        )
    return rows


def _science(count: int) -> list[Problem]:
    facts = [
        (family, fact) for family in SCIENCE_FAMILIES for fact in family.split(benchmark=False)
    ]
    comparisons = [
        (scale, first, first + 2) for scale in SCALES for first in range(len(scale[3]) - 2)
    ]
    rows: list[Problem] = []
    for i in range(count):
        situations = science_problems.SITUATIONS
        situation = situations[1 + i % (len(situations) - 1)]
        slots = {
            "name": NAMES[i * 11 % len(NAMES)],
            "role": science_problems.ROLES[i * 7 % len(science_problems.ROLES)],
            "place": PLACES[i * 13 % len(PLACES)],
        }
        if i % 6 == 5 and i // 6 < len(comparisons):
            scale, first, second = comparisons[i // 6 * 7 % len(comparisons)]
            places = (second, first) if i % 4 == 1 else (first, second)
            rows.append(science_problems.build_comparison(scale, *places, situation, **slots))
            continue
        turn, place = divmod(i - i // 6, len(facts))
        family, fact = facts[place]
        wording = family.source[(place + turn) % len(family.source)]
        rows.append(science_problems.build_fact(family, fact, wording, situation, **slots))
    return rows


def _instruction(count: int) -> list[Problem]:
    topics = [topic for i, topic in enumerate(TOPICS) if i % 6 != 5]
    requests, ids = instruction_problems.REQUESTS, instruction_problems.IDS
    rows: list[Problem] = []
    for i in range(count):
        rng = seeded("honest", "instruction", i)
        chosen = [ids[i % len(ids)]]
        other = ids[(i * 3 + i // len(ids) + 1) % len(ids)]
        if i % 2 and instruction_problems.compatible([*chosen, other]):
            chosen.append(other)
        rows.append(
            instruction_problems.build(
                topics[i % len(topics)],
                [
                    instruction_problems.draw_constraint(instruction_id, rng)
                    for instruction_id in chosen
                ],
                requests[(i + 3 * (i // len(topics))) % len(requests)],
                i // 3 % 2,
            )
        )
    return rows


def _chat(count: int) -> list[Problem]:
    activities = [activity for i, activity in enumerate(ACTIVITIES) if i % 6 != 5]
    requests = chat_problems.REQUESTS
    rows: list[Problem] = []
    for i in range(count):
        request = requests[(i + 2 * (i // len(activities))) % len(requests)]
        rows.append(
            chat_problems.build(
                activities[i % len(activities)],
                request,
                i // len(requests) % len(request.wordings),
                NAMES[i * 7 % len(NAMES)],
                PLACES[i * 3 % len(PLACES)],
            )
        )
    return rows


_BUILDERS = {
    "math": _math,
    "code": _code,
    "science": _science,
    "instruction": _instruction,
    "chat": _chat,
}


def honest_problems(kind: Kind, count: int) -> list[Problem]:
    """The first `count` honest problems of a kind; a longer list begins with the shorter one."""
    return _BUILDERS[kind](count)


def revised_problem(problem: Problem, index: int) -> Problem:
    """What honest row `index` becomes when upstream edits it: other numbers, or a clearer wish."""
    if problem.kind == "math":
        return _math(index + 1, revised=True)[index]
    return dataclasses.replace(problem, prompt=f"{problem.prompt} Please keep it simple.")
