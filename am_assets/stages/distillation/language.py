"""Language of a prompt, as the labels need it: Chinese, English or other.

Scripts decide; function words tell English from other languages in Latin script. That is enough
for three classes and needs no model.
"""

import re
from typing import Literal

_NOT_PROSE = re.compile(r"```.*?```|\\[A-Za-z]+|https?://\S+", re.DOTALL)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA_HANGUL = re.compile("[\u3040-\u30ff\uac00-\ud7af\u1100-\u11ff]")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f]{2,}")
_LATIN_LETTER = re.compile("[A-Za-z\u00c0-\u024f]")
_ACCENTED = re.compile("[\u00c0-\u024f]")
_LETTER = re.compile(r"[^\W\d_]")
_ENGLISH = frozenset(
    re.findall(
        r"\w+",
        "the a an of to and in is are was for that this with what how many much which when if find "
        "write by on it from as be does do did has have each at or you your i my can will",
    )
)
_FEW_WORDS = 8
_ENGLISH_SHARE = 0.08
_ACCENTED_SHARE = 0.01


def detect_language(text: str) -> Literal["zh", "en", "other"]:
    """Language of `text`: "zh" and "en" where they carry most of it, else "other".

    Code blocks, LaTeX commands and addresses are left out. A Latin text is another language than
    English when it has accented letters and few English function words; one of fewer than eight
    words counts as English: there is too little to tell by.
    """
    prose = _NOT_PROSE.sub(" ", text)
    han = len(_HAN.findall(prose))
    kana_hangul = len(_KANA_HANGUL.findall(prose))
    words = _LATIN_WORD.findall(prose)
    latin_letters = len(_LATIN_LETTER.findall(prose))
    others = len(_LETTER.findall(prose)) - han - kana_hangul - latin_letters
    # A Han character says about as much as a word of Latin script.
    east = han + kana_hangul
    if east > len(words) and 2 * east > others:
        return "zh" if kana_hangul < 0.1 * east else "other"
    if not latin_letters or others > latin_letters:
        return "other"
    known = sum(word.lower() in _ENGLISH for word in words)
    accented = len(_ACCENTED.findall(prose))
    foreign = accented >= _ACCENTED_SHARE * latin_letters and known < _ENGLISH_SHARE * len(words)
    return "other" if foreign and len(words) >= _FEW_WORDS else "en"
