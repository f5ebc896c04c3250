"""One benchmark against prompts: exact text, n-grams, shared facts, embeddings, in this order.

Equal folded text sees short prompts; a shared n-gram sees an item quoted in a longer prompt; facts
(numbers and formulas in order) see a translation; the embedding sees rewordings.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from am_assets.core.profile import Decontamination
from am_assets.stages.decontamination.facts import facts, is_foreign, numbers
from am_assets.stages.decontamination.hits import Hit, Item, hit_on
from am_assets.stages.decontamination.parts import is_code, options, stem
from am_assets.stages.decontamination.text_index import Prompt, TextIndex
from am_assets.stages.similarity import exact_similarity, pairs_above
from am_assets.stages.text import tokens

_SUPPORTING_BITS = 6.0
"""Bits of shared facts that support a similarity; fewer are chance."""
_SAME_NUMBERS = 0.6
"""Share of the numbers of the longer list that a rewording keeps at least."""
_SEVERAL = 3
"""Different numbers, or one more facts of any sort, that can name an item without its words."""
_TRANSLATED, _TRANSLATED_WHOLE = 2.0, 4.5
"""Bits less that a text in another script needs, if most or all facts are the same: there, words
and embedding say nothing."""
_SHORT = 8
"""Tokens below which a text ("return the largest element") is soon similar to another. For such
texts the threshold is halfway to the one for other numbers."""
_FEW = 2
"""Numbers that one of two problems must have before other numbers tell them apart."""


@dataclass(frozen=True)
class Near:
    """The most similar item of a prompt without a hit, from the judge's band."""

    item: Item
    similarity: float


@dataclass(frozen=True)
class Said:
    """What a text or part says besides its vector."""

    numbers: list[str]
    length: int
    """Tokens."""
    choices: bool
    """It names its answer options."""
    alone: bool
    """It is a question without the passage, or the solved examples, that it stands after."""


@dataclass(frozen=True)
class Rows:
    """Unit float32 vectors of texts and of their parts.

    Row i embeds `texts[i]`, which is text number `owners[i]` or a part of it.
    """

    vectors: np.ndarray
    owners: np.ndarray
    texts: Sequence[str]

    @cached_property
    def by_owner(self) -> dict[int, list[int]]:
        """The rows of each text."""
        rows: dict[int, list[int]] = {}
        for row, owner in enumerate(self.owners.tolist()):
            rows.setdefault(owner, []).append(row)
        return rows

    def said(self, row: int) -> Said:
        """What a row's text says besides its vector."""
        if row not in self._said:
            text, found = self.texts[row], tokens(self.texts[row])
            whole = self.texts[int(self.owners[row])]
            choices = options(whole)
            named = bool(choices) and all(choice in text for choice in choices)
            alone = stem(whole).split("\n")[0] not in text
            self._said[row] = Said(numbers(facts(found)), len(found), named, alone)
        return self._said[row]

    @cached_property
    def _said(self) -> dict[int, Said]:
        return {}


class Scanner:
    """Looks prompts up in the items of one benchmark.

    What it finds for a prompt follows from that prompt and the items alone: not from the order of
    either, nor from the prompts it shares a call with.
    """

    def __init__(self, items: Sequence[Item], rows: Rows, settings: Decontamination) -> None:
        self._index = TextIndex(items, settings)
        self._rows = rows
        self._settings = settings
        self._foreign = [is_foreign(tokens(item.prompt)) for item in items]
        self._code = [is_code(item.prompt) for item in items]
        threshold = settings.embedding_threshold
        self._agreeing = min(_or(settings.agreeing_threshold, threshold), threshold)
        self._differing = max(_or(settings.differing_threshold, threshold), threshold)
        self._choices = max(_or(settings.choices_threshold, threshold), threshold)
        self._in_code = max(_or(settings.code_threshold, threshold), threshold)
        self._other_scripts = _or(settings.other_scripts_threshold, threshold)

    def scan(self, prompts: Sequence[Prompt], rows: Rows) -> list[Hit | Near | None]:
        """The best hit of each prompt; where there is none, what the judge may be asked about."""
        found: list[Hit | Near | None] = list(self._index.find(prompts))
        open_ = [place for place, hit in enumerate(found) if hit is None]
        foreign = {place: is_foreign(prompts[place].tokens) for place in open_}
        similar = self._similar(rows, foreign)
        for place in open_:
            found[place] = self._by_facts(prompts[place], rows, place, foreign[place])
            near = similar.get(place)
            if near is None or (isinstance(found[place], Hit) and _is_text(found[place])):
                continue
            if found[place] is None or isinstance(near, Hit):
                found[place] = near
        return found

    def _by_facts(self, prompt: Prompt, rows: Rows, place: int, foreign: bool) -> Hit | None:
        """A hit on an item that states the same facts, by itself or with the embedding's help."""
        agreements = self._index.agreements(prompt)
        several = len(set(numbers(prompt.facts))) >= _SEVERAL or len(set(prompt.facts)) > _SEVERAL
        for agreement in agreements:
            needed = self._index.telling_bits
            if foreign != self._foreign[agreement.item]:
                needed -= _TRANSLATED if agreement.share < 0.999 else _TRANSLATED_WHOLE
            if several and agreement.bits >= needed:
                return hit_on(self._index.items[agreement.item], "ngram", agreement.share)
        best: tuple[float, str, int] | None = None
        for agreement in agreements:
            item = self._index.items[agreement.item]
            if agreement.bits < _SUPPORTING_BITS or self._is_unread(foreign, agreement.item):
                continue
            similarity = self._similarity(rows, place, agreement.item)
            choices = rows.said(place).choices and self._rows.said(agreement.item).choices
            if similarity > (max(self._agreeing, self._choices) if choices else self._agreeing):
                one = (-similarity, item.item_id, agreement.item)
                best = one if best is None else min(best, one)
        return best and hit_on(self._index.items[best[2]], "embedding", -best[0])

    def _similarity(self, rows: Rows, place: int, item: int) -> float:
        pairs = [(a, b) for a in rows.by_owner[place] for b in self._rows.by_owner[item]]
        left, right = (list(side) for side in zip(*pairs, strict=True))
        return float(exact_similarity(rows.vectors[left], self._rows.vectors[right]).max())

    def _similar(self, rows: Rows, foreign: dict[int, bool]) -> dict[int, Hit | Near]:
        """The most similar item of each of the prompts in `foreign`, by place."""
        if not len(rows.vectors) or not len(self._rows.vectors):
            return {}
        judge, threshold = self._settings.judge, self._settings.embedding_threshold
        lowest = min(judge.at_least, threshold) if judge.enabled else threshold
        hits: dict[int, tuple[float, str, int]] = {}
        nears: dict[int, tuple[float, str, int]] = {}
        for pairs in pairs_above(rows.vectors, self._rows.vectors, lowest):
            for left, right, score in zip(
                pairs.left.tolist(), pairs.right.tolist(), pairs.similarity.tolist(), strict=True
            ):
                place, index = int(rows.owners[left]), int(self._rows.owners[right])
                if place not in foreign:
                    continue
                one = (-score, self._index.items[index].item_id, index)
                if self._is_unread(foreign[place], index):
                    wanted = self._other_scripts
                else:
                    wanted = self._threshold(rows, left, right) if score > threshold else threshold
                best = hits if score > wanted else nears
                best[place] = min(one, best.get(place, one))
        items = self._index.items
        close: dict[int, Hit | Near] = {
            place: Near(items[index], -negative) for place, (negative, _, index) in nears.items()
        }
        if not judge.enabled:
            close.clear()
        for place, (negative, _, index) in hits.items():
            close[place] = hit_on(items[index], "embedding", -negative)
        return close

    def _threshold(self, rows: Rows, left: int, right: int) -> float:
        """The similarity above which two rows are the same problem; 1 where none is enough."""
        own, other = rows.said(left), self._rows.said(right)
        owner, item = int(rows.owners[left]), int(self._rows.owners[right])
        code = self._code[item] or is_code(rows.texts[owner])
        least = self._settings.embedding_threshold
        if own.alone and other.alone and not code:
            # "What does the author mean?" is another question of another passage.
            whole = exact_similarity(rows.vectors[[owner]], self._rows.vectors[[item]])
            if whole[0] <= self._agreeing:
                return 1.0
        if rows.said(owner).choices and self._rows.said(item).choices:
            # Where both name their options these tell siblings on one passage apart.
            if not (own.choices and other.choices):
                return 1.0
            least = self._choices
        if min(own.length, other.length) < _SHORT:
            least = max(least, (self._settings.embedding_threshold + self._differing) / 2)
        if code:
            # Numbers of a task in code are those of its examples, which need not be the same.
            return max(least, self._in_code)
        return max(least, self._differing) if _differ(own.numbers, other.numbers) else least

    def _is_unread(self, foreign: bool, index: int) -> bool:
        """Whether the model does not read one of the two texts."""
        return (foreign or self._foreign[index]) and self._other_scripts > (
            self._settings.embedding_threshold
        )


def _differ(own: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two texts state numbers, and too many of them others to be the same problem."""
    if not own or not other or max(len(own), len(other)) < _FEW:
        return False
    shared = (Counter(own) & Counter(other)).total()
    return shared < _SAME_NUMBERS * max(len(own), len(other))


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _is_text(hit: Hit | Near | None) -> bool:
    return isinstance(hit, Hit) and hit.method != "embedding"
