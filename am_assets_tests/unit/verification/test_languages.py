import pytest

from am_assets.stages.verification.languages import known, language_of

TEXTS = {
    "en": "This is the first of the two things that you have to know.",
    "de": "Das ist nicht die erste von den Sachen und wir sind auch hier.",
    "fr": "Le chat est dans la maison et il ne veut pas sortir avec les chiens.",
    "es": "El gato está en la casa y no se quiere ir con los perros.",
    "it": "Il gatto è nella casa e non si vuole muovere con gli altri.",
    "pt": "O gato não está em casa e as pessoas com que ele fala se foram.",
    "fi": "Kissa on talossa ja se ei ole ulkona, mutta koira oli siellä.",
    "sw": "Paka yuko katika nyumba na watu wa mji huu ni wengi sana.",
    "vi": "Con mèo là của người này và không có trong nhà với những con chó.",
    "ru": "Он не был в доме, но это как раз то, что мы из него взяли.",
    "bg": "Той не е на работа и това е за да се срещне със семейството от града.",
    "hi": "यह किताब मेरी है और मैं इसको पढ़ता था।",
    "mr": "हे पुस्तक माझे आहे आणि ती शाळेत नाही असे म्हणाली.",
    "ne": "यो किताब मेरो हो र तपाईं पनि पढ्न सक्नुहुन्छ, यो राम्रो छ।",
    "ar": "هذا الكتاب على الطاولة في البيت الذي كان من الحجر",
    "fa": "این کتاب را برای شما خریدم که در خانه است",
    "ur": "یہ کتاب میری ہے اور میں اس کو پڑھتا ہوں",
    "ko": "이것은 책이고 저것은 연필입니다.",
    "ja": "これは本で、あれは鉛筆です。",
    "zh": "这是一本书，那是一支铅笔。",
    "th": "นี่คือหนังสือและนั่นคือดินสอ",
    "kn": "ಇದು ಒಂದು ಪುಸ್ತಕ ಮತ್ತು ಅದು ಪೆನ್ಸಿಲ್",
    "pa": "ਇਹ ਇੱਕ ਕਿਤਾਬ ਹੈ ਅਤੇ ਉਹ ਪੈਨਸਿਲ ਹੈ",
    "gu": "આ એક પુસ્તક છે અને તે પેન્સિલ છે",
    "te": "ఇది ఒక పుస్తకం మరియు అది పెన్సిల్",
    "ta": "இது ஒரு புத்தகம் அது ஒரு பென்சில்",
    "bn": "এটি একটি বই এবং ওটি একটি পেন্সিল",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_a_sentence_is_told_by_script_and_common_words(language, text):
    assert language_of(text) == language
    assert language in known()


@pytest.mark.parametrize("text", ["", "123 + 456", "ok", "Zyxwv qwrtp mnbvc lkjhg"])
def test_what_cannot_be_told_is_not_guessed(text):
    assert language_of(text) is None
