"""What may happen in a history: upstream edits, sources that come and go, takedowns, weeks."""

import random
from collections.abc import Callable

from am_assets_tests.integration.histories import SOURCES, WEEKS, Folder, Row, State

_PROBLEMS = 7
"""So few that sources repeat each other's."""

Event = Callable[[State, random.Random, Folder], None]


def begin(state: State, rng: random.Random) -> None:
    """Two sources of a few rows."""
    for rank, name in enumerate(SOURCES[:2], 1):
        state.sources[name] = rank
        state.upstream[name] = {str(place): _row(rng, str(place)) for place in range(4)}


def _row(rng: random.Random, place: str) -> Row:
    return Row(f"k{place}", rng.randrange(_PROBLEMS), rng.randrange(3))


def _source(state: State, rng: random.Random) -> str:
    return rng.choice(sorted(state.sources))


def _edit(state: State, rng: random.Random, folder: Folder) -> None:
    """A row states another problem under its old key, in a new week."""
    _new_week(state, rng, folder)
    rows = state.upstream[_source(state, rng)]
    place = rng.choice(sorted(rows))
    rows[place] = Row(rows[place].key, rng.randrange(_PROBLEMS), rng.randrange(3))


def _move_key(state: State, rng: random.Random, folder: Folder) -> None:
    """Two rows change keys."""
    _new_week(state, rng, folder)
    rows = state.upstream[_source(state, rng)]
    one, other = rng.sample(sorted(rows), 2)
    rows[one], rows[other] = (
        Row(rows[other].key, rows[one].problem, rows[one].wording),
        Row(rows[one].key, rows[other].problem, rows[other].wording),
    )


def _add(state: State, rng: random.Random, folder: Folder) -> None:
    """A row comes, in a new week."""
    _new_week(state, rng, folder)
    rows = state.upstream[_source(state, rng)]
    place = str(len(rows) + 10)
    rows[place] = _row(rng, place)


def _remove(state: State, rng: random.Random, folder: Folder) -> None:
    """A row vanishes, in a new week."""
    _new_week(state, rng, folder)
    rows = state.upstream[_source(state, rng)]
    if len(rows) > 2:
        del rows[rng.choice(sorted(rows))]


def _new_week(state: State, rng: random.Random, folder: Folder) -> None:
    del rng, folder
    state.weeks = min(state.weeks + 1, len(WEEKS))


def _retire(state: State, rng: random.Random, folder: Folder) -> None:
    """A source leaves the profile."""
    del folder
    if len(state.sources) > 1:
        del state.sources[_source(state, rng)]


def _bring_back(state: State, rng: random.Random, folder: Folder) -> None:
    """A source comes, or comes back; it is captured from this week on."""
    del folder
    gone = sorted(set(SOURCES) - state.sources.keys())
    if gone:
        name = rng.choice(gone)
        state.sources[name] = rng.randrange(1, 9)
        if name not in state.upstream:
            state.upstream[name] = {str(place): _row(rng, str(place)) for place in range(3)}


def _rerank(state: State, rng: random.Random, folder: Folder) -> None:
    del folder
    ranks = list(state.sources.values())
    rng.shuffle(ranks)
    state.sources = dict(zip(state.sources, ranks, strict=True))


def _take_down(state: State, rng: random.Random, folder: Folder) -> None:
    """A captured sample is taken down."""
    source = _source(state, rng)
    ids = {
        row["sample_id"]
        for name in folder.manifests()
        if name.startswith(f"raw_prompts {source}|")
        for row in folder.table("raw_prompts", "raw_prompts", *name.split(" ")[1].split("|"))
        if row["decision"] == "kept"
    }
    if ids:
        state.takedowns.setdefault(source, set()).add(rng.choice(sorted(ids)))


def _undo_takedown(state: State, rng: random.Random, folder: Folder) -> None:
    del folder
    listed = [(source, one) for source, ids in state.takedowns.items() for one in sorted(ids)]
    if listed:
        source, one = rng.choice(sorted(listed))
        state.takedowns[source].discard(one)


EVENTS: dict[str, Event] = {
    "add": _add,
    "bring_back": _bring_back,
    "edit": _edit,
    "move_key": _move_key,
    "new_week": _new_week,
    "remove": _remove,
    "rerank": _rerank,
    "retire": _retire,
    "take_down": _take_down,
    "undo_takedown": _undo_takedown,
}
