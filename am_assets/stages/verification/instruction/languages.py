"""Telling the language of a text by script and common words, or saying that it cannot be told.

Scripts that one language uses decide alone; languages that share a script are told apart by
function words and letters of their own. Covers the languages IFEval asks for and the largest
neighbors they could be confused with.
"""

import re
import unicodedata
from collections import Counter

_SCRIPTS = {
    "KANNADA": ("kn",),
    "GURMUKHI": ("pa",),
    "GUJARATI": ("gu",),
    "TELUGU": ("te",),
    "TAMIL": ("ta",),
    "MALAYALAM": ("ml",),
    "THAI": ("th",),
    "BENGALI": ("bn",),
    "HANGUL": ("ko",),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "CJK": ("zh",),
    "GREEK": ("el",),
    "HEBREW": ("he",),
    "DEVANAGARI": ("hi", "mr", "ne"),
    "ARABIC": ("ar", "fa", "ur"),
    "CYRILLIC": ("ru", "bg", "uk", "sr", "mk"),
    "LATIN": (
        *("en", "de", "fr", "es", "it", "pt", "fi", "sw", "vi", "nl", "sv", "pl", "tr", "id"),
        *("da", "no", "et", "ro", "cs", "hr", "sk", "hu", "ca", "tl", "af"),
    ),
}
# Words that are frequent in one language and rare in the others of its script.
_WORDS = {
    "hi": "है हैं का के की में और से को यह नहीं लिए एक पर भी था थी",
    "mr": "आहे आहेत आणि च्या मध्ये हे ही तो ती नाही साठी एक होते असे करण्यासाठी आपल्या त्यांना "
    "त्यांच्या तुम्ही आम्ही झाले करून",
    "ne": "छ छन् र को मा हो गर्न लागि छैन भएको यो त्यो पनि गर्ने हुन्छ तपाईं हुन् पर्छ थियो हामी हाम्रो तपाईंको",
    "ar": "في من على إلى أن هذا هذه التي الذي كان لا مع عن هو هي ما",
    "fa": "است در که این را با برای از به آن یک می هستند شما خود بود",
    "ur": "ہے ہیں کا کے کی میں اور سے کو یہ نہیں ایک پر بھی تھا آپ",
    "ru": "и в не на что это с как по для из он она они но был мы вы ты же от бы так все меня",
    "bg": "и в не на да се за от са като това по със ще той тя които е си ли към при един",
    "uk": "і в не на що це з як для та він вона вони але був ми ви є від до або й у ти",
    "sr": "и је у на се да за су не од као што то са али или који сам би та",
    "mk": "и на да се од за во со е што не ова тоа како кои или ќе сум би тие",
    "en": "the and of to in is that for it with as was are on be this you have not by from or "
    "an at but they she he his her their we which if there will can has had been one all "
    "what when who more so how my your would each about than then up out into these some "
    "them could do does only our its were use make like just me us am now here where "
    "because while after before very much many most other any no two three first let",
    "de": "der die das und ist nicht ein eine mit für auf den dem von zu sich auch ich wir sind "
    "es als aus bei nach wie einen einer eines des im wenn oder aber sie er hat werden "
    "wird kann",
    "fr": "le la les des et est une un dans pour que qui pas sur avec du nous vous plus ce de "
    "en il elle sont au par ne se cette ces mais ou son sa ses leur aux être été à comme "
    "je",
    "es": "el la los las de es una un en para que con por no se su del como más al lo pero sus "
    "sin está son ser muy también ha esta este entre cuando porque sobre todos me tiene",
    "it": "il la gli di una un per che con non del della si sono come più anche le lo dei delle "
    "nel alla dal ma ha questo questa essere tutti ed al è suo sua ci",
    "pt": "os as de uma um em para que com não do da se por mais como você no na dos das ao mas "
    "foi são ser tem seu sua ou quando muito também já está eu isso ele ela é à pelo",
    "fi": "kaikki heidän heille kanssa ja on ei se että oli hän mutta ovat kun niin joka myös "
    "tämä kuin voi sekä minä olen "
    "sen jos tai ne hänen jotka nyt vain sinä mitä olla ole tämän siitä",
    "sw": "na ya wa kwa ni katika za la kuwa hii si pia yake hiyo au ambayo kama watu cha vya "
    "huo hiki kwamba lakini wao sana yako yangu wote ili hivyo wakati mtu mimi wewe",
    "vi": "và là của có không cho trong được với các một những này người để khi tôi bạn đã ở "
    "rất thì mà nhưng như cũng nhiều về từ đó sẽ đến ra làm",
    "nl": "de het een en van is niet dat op te voor met zijn er aan ook als maar om in wordt "
    "die hij zij wij je naar bij uit nog kan worden dit deze geen of heeft door ik",
    "sv": "och att det är en som på för inte med av till den har de ett om jag men ska kan var "
    "från så vi du han hon eller när också sig vid mycket",
    "pl": "na nie to się jest że do jak ale po co dla od są oraz przez za tak już tylko czy "
    "jego ich może być przy był ma ten te które który jako",
    "tr": "ve bir bu için ile da de çok olarak daha olan gibi ne en kadar ama değil her var mı "
    "ben sen kişi sonra şey bana olduğu iyi ya biz",
    "id": "dan yang di dengan untuk ini itu dari tidak pada adalah dalam akan ke juga atau saya "
    "anda oleh karena bisa ada kami mereka telah sudah lebih seperti semua",
    "da": "og er det at en af til på som ikke med den for de har jeg også hvad efter være blev "
    "et vi du han hun om nogle meget fra eller når dig mig uden",
    "no": "og er det at en av til på som ikke med den for de har jeg også hva etter være ble et "
    "vi du han hun om noen mye fra eller når deg meg uten",
    "et": "ja on ei et oma kui see ta mis ning või ka oli aga siis nii väga kõik mina tema olen "
    "selle nende peab ole mida",
    "ro": "și de în la nu cu pe este care un din să ce mai pentru sunt fi că sau au lor unei al "
    "ale prin după dar foarte",
    "cs": "se na je že to do by ale jako jsem pro po které nebo jsou byl jeho za ve jen když "
    "tak není být který která",
    "hr": "je na se da za su ne od kao što koji ali bi to ili iz sam biti nije ova ona",
    "sk": "sa na je že to by ale ako som pre po ktoré alebo sú bol jeho za vo len keď tak nie byť",
    "hu": "az és hogy nem is egy ez meg de van vagy csak már mint amely azt kell volt nagyon "
    "még minden után ha én",
    "ca": "el la els les de és un una en per que amb no ha del són com més als seva seu aquest "
    "aquesta però també tots",
    "tl": "ang ng sa mga na at ay ito si hindi para kung siya ako ni niya may isang ka ko mo "
    "kami nila lahat",
    "af": "die en van is nie het in wat te om vir met sy ek dit was hulle aan ons ’n hy kan sal",
}
_ALPHABETS = {
    "ыэё": ("ru",),
    "іїєґ": ("uk",),
    "ђћ": ("sr",),
    "јљњџ": ("sr", "mk"),
    "ќѓѕ": ("mk",),
    "йщь": ("ru", "bg", "uk"),
    "ß": ("de",),
    "äö": ("de", "fi", "sv", "et", "sk", "hu", "tr"),
    "å": ("sv", "da", "no", "fi"),
    "øæ": ("da", "no"),
    "łżźśćńąę": ("pl",),
    "řěů": ("cs",),
    "őű": ("hu",),
    "ğış": ("tr",),
    "țș": ("ro",),
    "ơưđạảấầẩậắặẹẻếềểệỉịọỏốồổộớờởợụủứừửựỳỷỹ": ("vi",),
    "ãõ": ("pt", "vi", "et"),
}
"""Letters, and the languages known here that use them."""
_COMMON = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_NAMES = re.compile(r"\\[A-Za-z]+")
"""Commands of LaTeX are no words."""
_MARKS = re.compile(r"[^\W\d_][\w\u0900-\u0dff\u200c\u0300-\u036f']*")
_MAJORITY = 0.6
_MIN_LETTERS = 8
# Shares of the words, and of the best: a language not known here has few words of any other's.
_MIN_SHARE, _MAX_SECOND = 0.06, 0.75
_MIN_OWN_LETTERS = 0.015


def known() -> frozenset[str]:
    """ISO 639-1 codes that `language_of` can answer with."""
    return frozenset(language for group in _SCRIPTS.values() for language in group)


def language_of(text: str) -> str | None:
    """ISO 639-1 code of a text's language, or None where this cannot be told honestly."""
    scripts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if script := _script(character):
            scripts[script] += count
    total = scripts.total()
    if total < _MIN_LETTERS:
        return None
    # Japanese mixes its two syllabaries with Chinese characters.
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if kana and kana + scripts["CJK"] > _MAJORITY * total and kana > 0.1 * total:
        return "ja"
    script, count = scripts.most_common(1)[0]
    if count < _MAJORITY * total:
        return None
    candidates = _SCRIPTS[script]
    return candidates[0] if len(candidates) == 1 else _by_words(text, candidates)


def letters_with_case(text: str) -> bool:
    """Whether any letter of a text is a capital or a small one."""
    return text.upper() != text.lower()


def _script(character: str) -> str | None:
    if not character.isalpha():
        return None
    name = unicodedata.name(character, "").partition(" ")[0]
    return name if name in _SCRIPTS else None


def _by_words(text: str, candidates: tuple[str, ...]) -> str | None:
    text = unicodedata.normalize("NFC", _NAMES.sub(" ", text)).lower()
    # A letter alone is a variable more often than a word.
    words = Counter(
        word for word in _MARKS.findall(text) if len(word) > 1 or not "a" <= word <= "z"
    )
    candidates = _by_alphabet(text, candidates)
    if not candidates:
        return None
    hits = Counter(
        {
            language: sum(count for word, count in words.items() if word in _COMMON[language])
            for language in candidates
        }
    )
    (best, most), (_, next_most) = [*hits.most_common(2), ("", 0)][:2]
    # One word over and over may be a name.
    told = len(_COMMON[best] & words.keys()) >= 2 and most >= _MIN_SHARE * words.total()
    return best if told and next_most <= _MAX_SECOND * most else None


def _by_alphabet(text: str, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `candidates` whose alphabets have the letters of the text, names set aside."""
    characters = Counter(text)
    letters = sum(count for character, count in characters.items() if character.isalpha())
    for owned, languages in _ALPHABETS.items():
        count = sum(characters[letter] for letter in owned)
        if count >= 2 and count > _MIN_OWN_LETTERS * letters:
            candidates = tuple(name for name in candidates if name in languages)
    return candidates
