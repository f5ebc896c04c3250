"""Decontamination against every benchmark (DD 2.2.2): exact text, n-grams, embeddings.

Three methods in this order, the first hit counting. Equal folded text sees short prompts; a shared
n-gram (8 words as in the field, or Chinese characters) sees an item quoted inside a longer prompt;
the embedding sees rewordings.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from am_assets.core.config import Decontamination
from am_assets.stages.decontamination.hits import Hit, Item, Method
from am_assets.stages.similarity import BLOCK, pairs_above
from am_assets.stages.text import character_ngrams, tokens, word_ngrams


def decontaminate(
    prompts: Sequence[str],
    vectors: np.ndarray,
    items: Sequence[Item],
    item_vectors: np.ndarray,
    settings: Decontamination,
    block: int = BLOCK,
) -> list[Hit | None]:
    """The best hit of each prompt, or None, in the order of `prompts`.

    Vectors are unit float32, one row a prompt or item. Of several items the one with the highest
    score counts, ties by item id.
    """
    index = _TextIndex(items, settings)
    hits = [index.find(prompt) for prompt in prompts]
    threshold = settings.embedding_threshold
    for pairs in pairs_above(vectors, item_vectors, threshold, block):
        best: dict[int, tuple[float, str, int]] = {}
        for row, column, score in zip(
            pairs.left.tolist(), pairs.right.tolist(), pairs.similarity.tolist(), strict=True
        ):
            found = (-score, items[column].item_id, column)
            best[row] = min(found, best.get(row, found))
        for row, (negative, _, column) in best.items():
            if hits[row] is None:
                hits[row] = _hit(items[column], "embedding", -negative)
    return hits


class _TextIndex:
    """Folded texts and n-grams of all items."""

    def __init__(self, items: Sequence[Item], settings: Decontamination) -> None:
        self._items = sorted(items, key=lambda item: item.item_id)
        self._settings = settings
        self._texts: dict[tuple[str, ...], int] = {}
        self._grams: dict[str, list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        for index, item in enumerate(self._items):
            found = tokens(item.prompt)
            if found:
                self._texts.setdefault(tuple(found), index)
            grams = self._ngrams(found)
            self._sizes.append(len(grams))
            for gram in grams:
                self._grams[gram].append(index)

    def _ngrams(self, found: list[str]) -> set[str]:
        words = set(word_ngrams(found, self._settings.word_ngram))
        return words | set(character_ngrams(found, self._settings.character_ngram))

    def find(self, prompt: str) -> Hit | None:
        found = tokens(prompt)
        same = self._texts.get(tuple(found))
        if same is not None:
            return _hit(self._items[same], "exact", 1.0)
        shared: dict[int, int] = defaultdict(int)
        for gram in self._ngrams(found):
            for index in self._grams.get(gram, ()):
                shared[index] += 1
        if not shared:
            return None
        index = min(shared, key=lambda i: (-shared[i] / self._sizes[i], i))
        return _hit(self._items[index], "ngram", shared[index] / self._sizes[index])


def _hit(item: Item, method: Method, score: float) -> Hit:
    return Hit(item.benchmark, item.item_id, method, round(score, 6))
