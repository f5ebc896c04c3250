"""What a prompt says, apart from how it is set: the hash that a takedown holds on to.

The form of the text is part of every list of takedowns and of every tombstone, so that nothing here
may change but under another scheme.
"""

import hashlib
import hmac
import re
import unicodedata
from functools import cache

SCHEME = b"am-content-1"

_LIFTED = re.compile("[²³¹⁰ⁱ⁴-ⁿ]+|[₀-ₜ]+")
_SIGNS = str.maketrans(
    dict.fromkeys("−‐‑‒–", "-") | dict.fromkeys("×·⋅∗", "*") | dict.fromkeys("÷⁄∕", "/")
)
_IGNORED = re.compile("[\u034f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_LATEX_SPACING = re.compile(r"\\(?:[,;:!> ]|quad\b|qquad\b|left\b|right\b)|[$~]")
# One star or several at one end of a word are print (**bold**), between two they multiply.
_EMPHASIS = re.compile(r"(?<!\S)\*+(?=\S)|(?<=\S)\*+(?!\S)")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
_TOKEN = re.compile(rf"\d+|[{_CJK}]|[^\W\d_{_CJK}]+|(?<=\w)_(?=\w)|(?<=[\d)}}\]])[!%]|[^\w\s!%]")
_OPERATORS = frozenset("+-*/^=<>|!%_")


def content_hash(prompt: str, key: bytes) -> str | None:
    """32 hex digits for what `prompt` says, keyed; None where it says nothing at all."""
    form = content_form(prompt)
    if not form:
        return None
    text = form.encode("utf-8", "surrogatepass")
    return hmac.new(SCHEME + b"\0" + key, text, hashlib.sha256).hexdigest()[:32]


def content_form(prompt: str) -> str:
    """Words, runs of digits, operators and symbols of `prompt`, one space between them.

    Unicode form, case, white space, punctuation, bullets and emphasis do not matter. Superscripts,
    subscripts and operators do: 10² is not 102, and 3+4 neither 34 nor 3-4.
    """
    text = prompt.casefold() if prompt.isascii() else _folded(prompt)
    text = _EMPHASIS.sub(" ", _LATEX_SPACING.sub(" ", text))
    found = [
        token
        for token in _TOKEN.findall(text)
        if token[0].isalnum() or token in _OPERATORS or _is_sign(token)
    ]
    return " ".join(
        token for index, token in enumerate(found) if not _joins_words(found, index, token)
    )


def _folded(prompt: str) -> str:
    """A text with characters that have other forms, in the form that compares."""
    text = unicodedata.normalize("NFKC", _LIFTED.sub(_lifted, prompt)).casefold()
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    return _IGNORED.sub("", "".join(c for c in text if unicodedata.category(c) != "Cf"))


def _lifted(match: re.Match[str]) -> str:
    """A run of superscripts or subscripts behind the sign that TeX has for it."""
    text = match.group()
    sign = "^" if unicodedata.decomposition(text[0]).startswith("<super>") else "_"
    return sign + unicodedata.normalize("NFKC", text)


@cache
def _is_sign(token: str) -> bool:
    """Whether a character that is no letter, digit or operator tells texts apart: ∑, €, emoji."""
    category = unicodedata.category(token)
    return category[0] == "M" or category in ("Sm", "Sc", "So")


def _joins_words(found: list[str], index: int, token: str) -> bool:
    """Whether a sign before a word is no operator: well-known, 10-year, and/or, bullets.

    A minus before a function's name can go with them: two problems are then one, and a takedown of
    one takes the other along, which is the side to err on.
    """
    if token not in "-/*" or index == len(found) - 1 or not _is_word(found[index + 1]):
        return False
    return index == 0 or _is_word(found[index - 1]) or (token == "-" and found[index - 1].isdigit())


def _is_word(token: str) -> bool:
    return len(token) > 1 and token.isalpha()
