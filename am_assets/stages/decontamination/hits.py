"""What decontamination says of a prompt: hit, undecided, or nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Method = Literal["exact", "ngram", "embedding", "judge"]


@dataclass(frozen=True)
class Item:
    """A benchmark item as decontamination sees it."""

    item_id: str
    benchmark: str
    prompt: str


@dataclass(frozen=True)
class Hit:
    """Why a prompt is contaminated. `score` is 1 for equal text, the share of the item's n-grams
    that the prompt holds, or the cosine similarity; rounded to 6 decimals."""

    benchmark: str
    item: str
    method: Method
    score: float

    def evidence(self) -> dict[str, Any]:
        """The hit as a dropped row's evidence."""
        named = asdict(self)
        return {"benchmark": named.pop("benchmark"), "item_id": named.pop("item"), **named}


@dataclass(frozen=True)
class Undecided:
    """Why a prompt has no verdict yet: the judge that was asked about it gave none."""

    reason: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Contamination:
    """Hits and undecided prompts by sample id; a prompt in neither is clean."""

    hits: dict[str, Hit] = field(default_factory=dict)
    undecided: dict[str, Undecided] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Hits by benchmark and method, e.g. {"gsm8k/ngram": 3}."""
        found = Counter(f"{hit.benchmark}/{hit.method}" for hit in self.hits.values())
        return dict(sorted(found.items()))


def hit_on(item: Item, method: Method, score: float) -> Hit:
    """A hit on `item`, its score rounded."""
    return Hit(item.benchmark, item.item_id, method, round(score, 6))


_RANK = {"exact": 0, "ngram": 1, "embedding": 2, "judge": 3}


def best_hit(hits: Iterable[Hit]) -> Hit | None:
    """The hit to name of several: by method in the order of `Method`, then the highest score.

    Ties go to the first benchmark and item by name, so that the choice does not depend on which
    benchmark was scanned when.
    """
    return min(hits, key=lambda h: (_RANK[h.method], -h.score, h.benchmark, h.item), default=None)
