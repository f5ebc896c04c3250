"""Rules on every response, and finding the part that is judged [AM 2.2.3]."""

from collections import Counter

from am_assets.core.protocol import is_blank, parse_response
from am_assets.core.settings.verification import RulesConfig
from am_assets.stages.verification.outcome import Verifier

VERIFIER = Verifier("rules", "rules-2")
"""Says what holds for every response, whatever its kind."""


def answer_of(response: str, require_format: bool) -> str | None:
    """The answer block of a response; None when its format is wrong.

    Without `require_format` a response with no answer tags at all is judged whole, and one whose
    thinking ended is judged from there; thinking that does not end is no answer, nor is a text
    of which nothing can be seen.
    """
    blocks = parse_response(response)
    if blocks is not None:
        return blocks.answer
    if require_format:
        return None
    text = response
    if "</think>" in text:
        text = text.rpartition("</think>")[2]
    elif "<think>" in text:
        return None
    if "<answer>" in text:
        text = text.rpartition("<answer>")[2].partition("</answer>")[0]
    text = text.strip()
    return None if is_blank(text) else text


def repeated_share(text: str, n: int, min_count: int) -> float:
    """Largest share of a text's words that occurrences of one word n-gram cover, 0..1.

    Occurrences do not overlap; n-grams with fewer than `min_count` of them do not count. Text
    written without spaces is read by characters. Closed code fences and rows of tables are left
    out: programs and matrices repeat themselves.
    """
    text = _prose(text)
    words = text.split()
    if words and len(text) > 20 * len(words):
        words = [character for character in text if not character.isspace()]
    if len(words) < n * min_count:
        return 0.0
    last: dict[tuple[str, ...], int] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for start in range(len(words) - n + 1):
        gram = tuple(words[start : start + n])
        if start >= last.get(gram, 0):
            counts[gram] += 1
            last[gram] = start + n
    count = max(counts.values())
    return count * n / len(words) if count >= min_count else 0.0


def repeats_itself(response: str, config: RulesConfig) -> bool:
    """Whether a response is caught in a loop."""
    share = repeated_share(response, config.repetition_ngram, config.repetition_min_count)
    return share > config.repetition_max_share


def _prose(text: str) -> str:
    """A text without its closed code fences and the rows of its tables."""
    kept: list[str] = []
    fenced: list[str] | None = None
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("```"):
            fenced = [] if fenced is None else None
        elif fenced is not None:
            fenced.append(line)
        elif not (len(stripped) > 1 and stripped[0] == stripped[-1] == "|"):
            kept.append(line)
    # A fence that stays open may hold a loop that never ended.
    return "\n".join([*kept, *(fenced or ())])
