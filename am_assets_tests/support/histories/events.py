"""What may happen in a history: upstream edits, sources that come and go, takedowns, weeks."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from am_assets_tests.support.histories.project import SOURCES, WEEKS, Folder, Row, State

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
    """Two rows change keys, in a new week."""
    _new_week(state, rng, folder)
    rows = state.upstream[_source(state, rng)]
    one, other = rng.sample(sorted(rows), 2)
    keys = rows[one].key, rows[other].key
    rows[one], rows[other] = replace(rows[one], key=keys[1]), replace(rows[other], key=keys[0])


def _rename_key(state: State, rng: random.Random, folder: Folder) -> None:
    """A row gets a key that no other has, in a new week."""
    _new_week(state, rng, folder)
    rows = state.upstream[_source(state, rng)]
    place = rng.choice(sorted(rows))
    rows[place] = replace(rows[place], key=f"{rows[place].key} renamed")


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
    """A week begins, or one that had left the profile is back."""
    del rng, folder
    state.weeks = min(state.weeks + 1, len(WEEKS))


def _last_week_leaves(state: State, rng: random.Random, folder: Folder) -> None:
    del rng, folder
    state.weeks = max(state.weeks - 1, state.first + 1)


def _first_week_leaves(state: State, rng: random.Random, folder: Folder) -> None:
    del rng, folder
    state.first = min(state.first + 1, state.weeks - 1)


def _first_week_back(state: State, rng: random.Random, folder: Folder) -> None:
    del rng, folder
    state.first = max(state.first - 1, 0)


def _leave(state: State, rng: random.Random, folder: Folder) -> None:
    """A source leaves the profile."""
    del folder
    if len(state.sources) > 1:
        name = _source(state, rng)
        state.left[name] = state.sources.pop(name)


def _bring_back(state: State, rng: random.Random, folder: Folder) -> None:
    """A source comes, or comes back; it is captured from this week on."""
    del folder
    gone = sorted(set(SOURCES) - state.sources.keys())
    if gone:
        name = rng.choice(gone)
        state.sources[name] = rng.randrange(1, 9)
        if name not in state.upstream:
            state.upstream[name] = {str(place): _row(rng, str(place)) for place in range(3)}


def _retire(state: State, rng: random.Random, folder: Folder) -> None:
    """A source is captured no more from some week on, which may be captured already."""
    del folder
    state.retired[_source(state, rng)] = rng.choice(WEEKS[state.first :])


def _resume(state: State, rng: random.Random, folder: Folder) -> None:
    """A retired source is captured again, in weeks of which nothing is published yet."""
    del folder
    if state.retired:
        del state.retired[rng.choice(sorted(state.retired))]


def _rename_source(state: State, rng: random.Random, folder: Folder) -> None:
    """A source gets another name in the profile; its rows are others then."""
    del folder
    old, free = _source(state, rng), sorted(set(SOURCES) - state.sources.keys())
    if free:
        new = rng.choice(free)
        state.left[old] = state.sources[new] = state.sources.pop(old)
        state.upstream[new] = dict(state.upstream[old])


def _rename_file(state: State, rng: random.Random, folder: Folder) -> None:
    """Upstream's file gets another name, in a new week."""
    _new_week(state, rng, folder)
    name = _source(state, rng)
    state.files[name] = f"{state.files.get(name, name)}_"


def _rerank(state: State, rng: random.Random, folder: Folder) -> None:
    del folder
    ranks = list(state.sources.values())
    rng.shuffle(ranks)
    state.sources = dict(zip(state.sources, ranks, strict=True))


def _take_down(state: State, rng: random.Random, folder: Folder) -> None:
    """A captured sample is taken down, of a source that left too."""
    listed = sorted((row["source"], row["sample_id"]) for row in _captured(folder))
    if listed:
        source, sample = rng.choice(listed)
        state.takedowns.setdefault(source, set()).add(sample)


def _take_down_text(state: State, rng: random.Random, folder: Folder) -> None:
    """A captured text is taken down by its hash, in the list of any source."""
    hashes = sorted({row["content_hash"] for row in _captured(folder)})
    if hashes:
        line = f"content:{rng.choice(hashes)}"
        state.takedowns.setdefault(_source(state, rng), set()).add(line)


def _captured(folder: Folder) -> Iterator[Mapping[str, Any]]:
    for name in folder.manifests():
        if name.startswith("raw_prompts "):
            rows = folder.table("raw_prompts", "raw_prompts", *name.split(" ")[1].split("|"))
            yield from (row for row in rows if row["decision"] == "kept")


def _undo_takedown(state: State, rng: random.Random, folder: Folder) -> None:
    del folder
    listed = sorted((source, one) for source, ids in state.takedowns.items() for one in ids)
    if listed:
        source, one = rng.choice(listed)
        state.takedowns[source].discard(one)


EVENTS: dict[str, Event] = {
    "add": _add,
    "bring_back": _bring_back,
    "edit": _edit,
    "first_week_back": _first_week_back,
    "first_week_leaves": _first_week_leaves,
    "last_week_leaves": _last_week_leaves,
    "leave": _leave,
    "move_key": _move_key,
    "new_week": _new_week,
    "remove": _remove,
    "rename_file": _rename_file,
    "rename_key": _rename_key,
    "rename_source": _rename_source,
    "rerank": _rerank,
    "resume": _resume,
    "retire": _retire,
    "take_down": _take_down,
    "take_down_text": _take_down_text,
    "undo_takedown": _undo_takedown,
}
