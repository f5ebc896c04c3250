"""Single bits that turn anywhere: in the cache, data, the branch, the index and the row memory.

After each, all that is published is read, or restored, or served. After some of those that work
reads (cache, data, branch), stages are made again from a random one on, up to the release.
"""

import functools
import random
import shutil
from pathlib import Path

from am_assets_tests.integration.attacking.bytes import (
    Place,
    bit_flips,
    files_of,
    flip,
    line_of_outcome,
    made_otherwise,
    published,
)
from am_assets_tests.integration.attacking.copies import (
    ORDER,
    copy_of,
    identities,
    line_of,
    make_stale,
)
from am_assets_tests.integration.attacking.memory import flipped_bits

_READ: tuple[Place, ...] = ("cache", "data", "branch")


def flips(project: Path, count: int, every: int = 10, seed: int = 7) -> list[str]:
    """`count` bits, a line each, over five places; each `every`-th one before a run."""
    runs = count // every
    memory = count // 5
    lines = flipped_bits(project, memory, seed)
    with copy_of(project) as folder:
        outcomes = bit_flips(folder, "tiny", count - memory - runs, seed)
        lines += [line_of_outcome(outcome) for outcome in outcomes]
    draw = random.Random(seed)
    return lines + [_before_a_run(project, _READ[n % len(_READ)], draw) for n in range(runs)]


def _before_a_run(project: Path, place: Place, draw: random.Random) -> str:
    with copy_of(project) as folder:
        truth = identities(folder), published(folder, "tiny")
        first = draw.randrange(len(ORDER))
        make_stale(folder, ORDER[first:])
        alone = place == "cache" and draw.random() < 0.5
        path = draw.choice(files_of(folder, "tiny", place))
        bit = draw.randrange(8 * path.stat().st_size)
        if alone:
            shutil.rmtree(folder / "data")
        flip(path, bit)
        what = f"bit {bit} of {path.relative_to(folder)}" + " without data/" * alone
        return line_of(
            f"{what}, then a run from {ORDER[first]} on",
            functools.partial(made_otherwise, folder, *truth),
        )
