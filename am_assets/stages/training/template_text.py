"""Rules that only the whole corpus can decide: template text (DD 2.5).

Any string of `tokens` tokens that occurs in more than `occurrences` responses of the corpus marks
template text. Tokens are white-space separated words, or single characters in Chinese, Japanese
and Korean text; the think/answer tags are no tokens. A response counts a string once, so that
repetition inside one response is the repetition rule's business.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

_TAGS = re.compile(r"</?(?:think|answer)>")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MAX_BUCKETS = 1 << 30


class TemplateText(NamedTuple):
    """The most frequent over-used string of a response."""

    text: str
    occurrences: int


def tokens_of(text: str) -> list[str]:
    """Word tokens, per character for CJK; tags removed."""
    return _TOKEN.findall(_TAGS.sub(" ", text))


def template_text(
    responses: Callable[[], Iterable[tuple[str, str]]], tokens: int, occurrences: int
) -> dict[str, TemplateText]:
    """Ids of responses that contain template text, with the string that marks them.

    `responses` gives a fresh iterator over (id, text) each time; the corpus is read three times
    and never held. Memory: one byte a bucket (at most 1 GiB, four buckets a window below that),
    plus about 100 bytes for each distinct window in a bucket that passes the limit: those of
    template text, of which there is at most one for every `occurrences` windows. Windows are told
    apart by 64-bit hashes alone.
    The order of the responses makes no difference.
    """
    windows = sum(max(0, len(tokens_of(text)) - tokens + 1) for _, text in responses())
    bits = max(10, min(_MAX_BUCKETS.bit_length() - 1, (4 * windows).bit_length()))
    ceiling = min(occurrences + 1, 255)
    buckets = np.zeros(1 << bits, dtype=np.uint8)
    shift = np.uint64(64 - bits)
    for _, hashes in _hashed(responses(), tokens):
        # A bucket counts a response at most once for each of its windows; it saturates.
        index, counts = np.unique(np.unique(hashes) >> shift, return_counts=True)
        buckets[index] = np.minimum(buckets[index].astype(np.int64) + counts, ceiling)
    exact: dict[int, int] = {}
    for _, hashes in _hashed(responses(), tokens):
        unique = np.unique(hashes)
        for value in unique[buckets[unique >> shift] >= ceiling].tolist():
            exact[value] = exact.get(value, 0) + 1
    over = {value: count for value, count in exact.items() if count > occurrences}
    if not over:
        return {}
    marked: dict[str, TemplateText] = {}
    frequent = np.array(sorted(over), dtype=np.uint64)
    for response, text in responses():
        words = tokens_of(text)
        hashes = _window_hashes(words, tokens)
        places = np.flatnonzero(np.isin(hashes, frequent))
        if len(places):
            worst = max(places.tolist(), key=lambda place: (over[int(hashes[place])], -place))
            marked[response] = TemplateText(
                " ".join(words[worst : worst + tokens]), over[int(hashes[worst])]
            )
    return marked


def _hashed(responses: Iterable[tuple[str, str]], tokens: int) -> Iterator[tuple[str, np.ndarray]]:
    for response, text in responses:
        hashes = _window_hashes(tokens_of(text), tokens)
        if len(hashes):
            yield response, hashes


def _window_hashes(words: list[str], tokens: int) -> np.ndarray:
    """A 64-bit hash of every window of `tokens` words, shape (len(words) - tokens + 1,)."""
    count = len(words) - tokens + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    single = np.fromiter((_word_hash(word) for word in words), dtype=np.uint64, count=len(words))
    hashes = np.zeros(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for offset in range(tokens):
            hashes = hashes * _MULTIPLIER + single[offset : offset + count]
        # The high bits choose the bucket; mix, since a sum of products varies most in the low ones.
        return (hashes ^ (hashes >> np.uint64(29))) * _MULTIPLIER


@lru_cache(maxsize=1 << 16)
def _word_hash(word: str) -> int:
    encoded = word.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")
