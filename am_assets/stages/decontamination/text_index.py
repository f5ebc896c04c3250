"""The texts of one benchmark, to look prompts up in: equal texts, shared n-grams, shared facts.

Memory is a few numbers an n-gram, so that tens of thousands of items fit in tens of megabytes.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from am_assets.core.profile import Decontamination
from am_assets.stages.decontamination.facts import facts
from am_assets.stages.decontamination.hits import Hit, Item, hit_on
from am_assets.stages.decontamination.parts import options, parts, stem
from am_assets.stages.text import character_ngrams, tokens, word_ngrams

_TELLING_TOKENS = 8
"""Tokens from which a part of an item is no phrase that other problems have as well."""
_COMMON_SHARE, _COMMON_ITEMS = 0.05, 10
"""An n-gram in more items than both of these is the benchmark's template, not an item."""
_AGREEMENT = 0.8
"""Share of the facts of either problem that both must have in common, in order."""
_LEAST_BITS = 12.0
_UNSEEN = 200
"""Problems that a benchmark's own counts are joined with, so that few items do not mislead."""
_MAX_FACTS = 256
_CANDIDATES = 8


@dataclass(frozen=True)
class Prompt:
    """A prompt as it is looked up: folded once for all benchmarks.

    `keys` are tokens that make it the same as an item: its own, and those of its telling parts.
    """

    text: str
    parts: tuple[str, ...]
    tokens: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    facts: tuple[str, ...]


class Agreement(NamedTuple):
    """An item whose facts a prompt has in order: their share, and how much they say in bits."""

    item: int
    share: float
    bits: float


def read_prompt(text: str) -> Prompt:
    """Fold a prompt."""
    found, own = tuple(tokens(text)), tuple(parts(text))
    keys = tuple(dict.fromkeys([found, *_part_keys(text, own)]))
    return Prompt(text, own, found, keys, tuple(facts(found)[:_MAX_FACTS]))


def _part_keys(text: str, own: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Folded parts of a text that can be told from other texts' parts."""
    for part in own:
        found = tuple(tokens(part))
        if len(found) >= _TELLING_TOKENS:
            yield found
    if choices := options(text):
        # Whatever the order of the options, and their letters.
        folded = sorted(tuple(tokens(choice)) for choice in choices)
        yield (*tokens(stem(text)), "|", *(token for one in folded for token in (*one, "|")))


class TextIndex:
    """Items of one benchmark by folded text, n-grams and facts; `items` in any order."""

    def __init__(self, items: Sequence[Item], settings: Decontamination) -> None:
        self.items = list(items)
        self._settings = settings
        self._exact: dict[tuple[str, ...], int] = {}
        self._short: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._folded = lru_cache(maxsize=4096)(self._fold_item)
        grams, owners = array("q"), array("i")
        repeated: set[tuple[str, ...]] = set()
        whole: set[tuple[str, ...]] = set()
        listed: list[tuple[str, ...]] = []
        for index in sorted(range(len(items)), key=lambda i: items[i].item_id):
            prompt = read_prompt(items[index].prompt)
            found = prompt.tokens
            listed.append(prompt.facts)
            whole.add(found)
            for key in prompt.keys:
                if key and self._exact.setdefault(key, index) != index:
                    repeated.add(key)
            own = set(self._grams(found))
            if not own and len(found) > 2:
                self._short[found[:3]].append(index)
            for gram in own:
                grams.append(hash(gram))
                owners.append(index)
        # A question that several items ask ("What does the passage say?") names none of them.
        for key in repeated - whole:
            del self._exact[key]
        self._keys, self._starts, self._owners = _grouped(grams, owners)
        order = sorted(range(len(items)), key=lambda i: items[i].item_id)
        self.facts: list[tuple[str, ...]] = [()] * len(items)
        for index, own in zip(order, listed, strict=True):
            self.facts[index] = own
        self._weights = _weights(self.facts)
        self._totals = [sum(self._weights[fact] for fact in own) for own in self.facts]
        self._pairs: dict[int, list[int]] = defaultdict(list)
        for index, own in enumerate(self.facts):
            for pair in dict.fromkeys(pairwise(own)):
                self._pairs[hash(pair)].append(index)

    @property
    def telling_bits(self) -> float:
        """Bits from which shared facts name one of so many items by themselves."""
        return max(_LEAST_BITS, math.log2(len(self.items) + 1) + 2)

    def find(self, prompts: Sequence[Prompt]) -> list[Hit | None]:
        """The best exact or n-gram hit of each prompt."""
        hits = [self._same(prompt) or self._quoted(prompt) for prompt in prompts]
        for row in self._sharing(prompts, [hit is None for hit in hits]):
            hits[row] = self._ngram_hit(prompts[row])
        return hits

    def agreements(self, prompt: Prompt) -> list[Agreement]:
        """Items that state the same facts in the same order, the most telling first."""
        own = prompt.facts
        if len(own) < 2:
            return []
        total = sum(self._weights[fact] for fact in own)
        counted = Counter(own)
        votes: Counter[int] = Counter()
        for pair in dict.fromkeys(pairwise(own)):
            for index in self._pairs.get(hash(pair), ())[:256]:
                votes[index] += 1
        # A fact that differs breaks two pairs; most pairs of problems that agree are shared.
        needed = max(1, (len(own) - 1) // 3)
        alike = [
            index
            for index, shared in votes.items()
            if shared >= needed and self._may_agree(counted, total, index)
        ]
        ranked = sorted(alike, key=lambda i: (-votes[i], self.items[i].item_id))[:_CANDIDATES]
        found: list[Agreement] = []
        for index in ranked:
            bits = _common(own, self.facts[index], self._weights)
            share = bits / max(total, self._totals[index])
            if share >= _AGREEMENT:
                found.append(Agreement(index, share, bits))
        return sorted(found, key=lambda a: (-a.bits, -a.share, self.items[a.item].item_id))

    def _may_agree(self, counted: Counter[str], total: float, index: int) -> bool:
        """Whether the facts agree enough if their order is left aside."""
        most = max(total, self._totals[index]) * _AGREEMENT
        if min(total, self._totals[index]) < most:
            return False
        shared = counted & Counter(self.facts[index])
        return sum(self._weights[fact] * times for fact, times in shared.items()) >= most

    def _same(self, prompt: Prompt) -> Hit | None:
        found = [self._exact[key] for key in prompt.keys if key in self._exact]
        if not found:
            return None
        return hit_on(min((self.items[i] for i in found), key=lambda i: i.item_id), "exact", 1.0)

    def _quoted(self, prompt: Prompt) -> Hit | None:
        """A hit on an item too short for n-grams that stands whole in the prompt."""
        if not self._short:
            return None
        words = prompt.tokens
        best: Item | None = None
        for start in range(len(words) - 2):
            for index in self._short.get(words[start : start + 3], ()):
                item = tuple(tokens(self.items[index].prompt))
                if _stands_in(words, item, start) and _tells(item):
                    found = self.items[index]
                    best = found if best is None else min(best, found, key=lambda i: i.item_id)
        return best and hit_on(best, "ngram", 1.0)

    def _sharing(self, prompts: Sequence[Prompt], wanted: Sequence[bool]) -> list[int]:
        """Rows of the prompts that share an n-gram with some item."""
        grams, rows = array("q"), array("i")
        for row, prompt in enumerate(prompts):
            if wanted[row]:
                own = [hash(gram) for gram in self._grams(prompt.tokens)]
                grams.extend(own)
                rows.extend([row] * len(own))
        if not len(grams) or not len(self._keys):
            return []
        asked = np.frombuffer(grams, dtype=np.int64)
        places = np.minimum(np.searchsorted(self._keys, asked), len(self._keys) - 1)
        shared = self._keys[places] == asked
        return np.unique(np.frombuffer(rows, dtype=np.int32)[shared]).tolist()

    def _ngram_hit(self, prompt: Prompt) -> Hit | None:
        own = set(self._grams(prompt.tokens))
        candidates: set[int] = set()
        for gram in own:
            candidates.update(self._items_with(gram))
        best: tuple[float, str, int] | None = None
        for index in candidates:
            share = max(
                (len(own & grams) / len(grams) for grams in self._folded(index) if grams),
                default=0.0,
            )
            if share >= self._settings.ngram_share:
                found = (-share, self.items[index].item_id, index)
                best = found if best is None else min(best, found)
        return best and hit_on(self.items[best[2]], "ngram", -best[0])

    def _items_with(self, gram: str) -> list[int]:
        key = hash(gram)
        place = int(np.searchsorted(self._keys, key))
        if place == len(self._keys) or int(self._keys[place]) != key:
            return []
        return self._owners[self._starts[place] : self._starts[place + 1]].tolist()

    def _fold_item(self, index: int) -> list[set[str]]:
        """The n-grams of an item and of its parts, without the benchmark's template."""
        text = self.items[index].prompt
        limit = max(_COMMON_ITEMS, _COMMON_SHARE * len(self.items))
        sets = [set(self._grams(tokens(one))) for one in (text, *parts(text))]
        return [{gram for gram in own if len(self._items_with(gram)) <= limit} for own in sets]

    def _grams(self, found: Sequence[str]) -> Iterator[str]:
        yield from word_ngrams(found, self._settings.word_ngram)
        yield from character_ngrams(found, self._settings.character_ngram)


def _grouped(keys: "array[int]", owners: "array[int]") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted distinct keys, where the owners of each start (one more than keys), the owners."""
    if not len(keys):
        return np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int32)
    listed = np.frombuffer(keys, dtype=np.int64)
    order = np.argsort(listed, kind="stable")
    distinct, starts = np.unique(listed[order], return_index=True)
    return distinct, np.append(starts, len(listed)), np.frombuffer(owners, dtype=np.int32)[order]


def _weights(listed: Sequence[Sequence[str]]) -> dict[str, float]:
    """Bits of each fact: how rare a number is among the items; a sign or letter says one bit."""
    count = len(listed)
    most = math.log2(count + _UNSEEN) + 1
    seen = Counter(fact for own in listed for fact in set(own))

    class _Bits(dict[str, float]):
        def __missing__(self, fact: str) -> float:
            bits = 1.0
            if fact[0].isdigit():
                expected = 1 + _UNSEEN * _commonness(fact)
                bits = min(most, math.log2((count + _UNSEEN + 2) / (seen[fact] + expected)))
            self[fact] = bits
            return bits

    return _Bits()


def _commonness(number: str) -> float:
    """Share of word problems that state a number, roughly: small ones are in many."""
    return min(0.3, max(0.002, 0.6 / max(float(number), 1.0)))


def _common(left: Sequence[str], right: Sequence[str], weights: dict[str, float]) -> float:
    """Bits of the heaviest common subsequence."""
    best = [0.0] * (len(right) + 1)
    for fact in left:
        weight, corner = weights[fact], 0.0
        for place, other in enumerate(right, 1):
            above = best[place]
            if fact == other and corner + weight > above:
                best[place] = corner + weight
            if best[place - 1] > best[place]:
                best[place] = best[place - 1]
            corner = above
    return best[-1]


def _tells(item: Sequence[str]) -> bool:
    return len(item) >= 5 or any(token[0].isdigit() for token in item)


def _stands_in(words: Sequence[str], item: Sequence[str], start: int) -> bool:
    """Whether `item` stands at `start`, and not as part of a longer formula."""
    end = start + len(item)
    if tuple(words[start:end]) != tuple(item):
        return False
    before, after = words[start - 1 : start], words[end : end + 1]
    return not (before and _is_formula(before[0]) and _is_formula(item[0])) and not (
        after and _is_formula(after[0]) and _is_formula(item[-1])
    )


def _is_formula(token: str) -> bool:
    return not token.isalpha() or (len(token) == 1 and token.isascii())
