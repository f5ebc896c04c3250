import pytest

from am_assets.stages.verification.instruction.languages import known, language_of

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


# Article 1 of the Universal Declaration of Human Rights.
ARTICLE = {
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit "
    "Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit "
    "begegnen.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont "
    "doués de raison et de conscience et doivent agir les uns envers les autres dans un "
    "esprit de fraternité.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados "
    "como están de razón y conciencia, deben comportarse fraternalmente los unos con los "
    "otros.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono "
    "dotati di ragione e di coscienza e devono agire gli uni verso gli altri in spirito "
    "di fratellanza.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de"
    " razão e de consciência, devem agir uns para com os outros em espírito de "
    "fraternidade.",
    "fi": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille"
    " on annettu järki ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden "
    "hengessä.",
    "sw": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na "
    "dhamiri, hivyo yapasa watendeane kindugu.",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi. Mọi "
    "con người đều được tạo hoá ban cho lý trí và lương tâm và cần phải đối xử với nhau "
    "trong tình bằng hữu.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn "
    "begiftigd met verstand en geweten, en behoren zich jegens elkander in een geest van "
    "broederschap te gedragen.",
    "sv": "Alla människor är födda fria och lika i värde och rättigheter. De är utrustade med "
    "förnuft och samvete och bör handla gentemot varandra i en anda av broderskap.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są "
    "oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu "
    "braterstwa.",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana "
    "sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
    "id": "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama. Mereka "
    "dikaruniai akal dan hati nurani dan hendaknya bergaul satu sama lain dalam semangat "
    "persaudaraan.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены "
    "разумом и совестью и должны поступать в отношении друг друга в духе братства.",
    "bg": "Всички хора се раждат свободни и равни по достойнство и права. Те са надарени с "
    "разум и съвест и следва да се отнасят помежду си в дух на братство.",
    "uk": "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені "
    "розумом і совістю і повинні діяти у відношенні один до одного в дусі братерства.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त "
    "है। उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से"
    " बर्ताव करना चाहिए।",
    "mr": "सर्व मानवी व्यक्ति जन्मतःच स्वतंत्र आहेत व त्यांना समान प्रतिष्ठा व समान अधिकार "
    "आहेत. त्यांना विचारशक्ति व सदसद्विवेकबुद्धि लाभलेली आहे व त्यांनी एकमेकांशी "
    "बंधुत्वाच्या भावनेने आचरण करावे.",
    "ne": "सबै व्यक्तिहरू जन्मजात स्वतन्त्र हुन् ती सबैको समान अधिकार र महत्व छ। निजहरूमा विचार"
    " शक्ति र सद्विचार भएकोले निजहरूले आपसमा भ्रातृत्वको भावनाबाट व्यवहार गर्नु पर्छ।",
    "ar": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق. وقد وهبوا عقلاً وضميراً وعليهم "
    "أن يعامل بعضهم بعضاً بروح الإخاء.",
    "fa": "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند. همه دارای "
    "عقل و وجدان هستند و باید نسبت به یکدیگر با روح برادری رفتار کنند.",
    "ur": "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔ انہیں ضمیر اور عقل "
    "ودیعت ہوئی ہے۔ اس لئے انہیں ایک دوسرے کے ساتھ بھائی چارے کا سلوک کرنا چاہئیے۔",
    "et": "Kõik inimesed sünnivad vabadena ja võrdsetena oma väärikuselt ja õigustelt. Neile on"
    " antud mõistus ja südametunnistus ja nende suhtumist üksteisesse peab kandma "
    "vendluse vaim.",
}
# The same in languages that are not known, or too close to another.
UNTOLD = {
    "da": "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret med "
    "fornuft og samvittighed, og de bør handle mod hverandre i en broderskabets ånd.",
    "no": "Alle mennesker er født frie og med samme menneskeverd og menneskerettigheter. De er "
    "utstyrt med fornuft og samvittighet og bør handle mot hverandre i brorskapets ånd.",
    "is": "Hver maður er borinn frjáls og jafn öðrum að virðingu og réttindum. Menn eru gæddir "
    "vitsmunum og samvisku, og ber þeim að breyta bróðurlega hverjum við annan.",
    "mk": "Сите човечки суштества се раѓаат слободни и еднакви по достоинство и права. Тие се "
    "обдарени со разум и совест и треба да се однесуваат еден кон друг во духот на општо "
    "човечката припадност.",
    "zu": "Bonke abantu bazalwa bekhululekile belingana ngesithunzi nangamalungelo. "
    "Bahlanganiswe wumcabango nangunembeza futhi kufanele baphathane ngomoya wobunye.",
    "rw": "Abantu bose bavuka aliko bakwiye agaciro no kwubahwa kimwe. Bose bavukana ubwenge "
    "n'umutima, bagomba kugilirana kivandimwe.",
}


@pytest.mark.parametrize(("language", "text"), [*TEXTS.items(), *ARTICLE.items()])
def test_a_sentence_is_told_by_script_and_common_words(language, text):
    assert language_of(text) == language
    assert language in known()


@pytest.mark.parametrize("text", ["", "123 + 456", "ok", "Zyxwv qwrtp mnbvc lkjhg"])
def test_what_cannot_be_told_is_not_guessed(text):
    assert language_of(text) is None


@pytest.mark.parametrize("text", UNTOLD.values(), ids=UNTOLD.keys())
def test_an_unknown_language_is_not_taken_for_a_known_one(text):
    assert language_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Cho = 14 * 8 = 112 km, Cho = 9 * 5 = 45 km",
        "Let x = a + b, y = a - b, z = i: then x + y = 2 a.",
        "20 km per hour x 3 per day = 60 per day",
        "iPhone, iPad, MacBook Pro, Surface Pro",
    ],
)
def test_names_and_formulas_are_no_language_but_english(text):
    assert language_of(text) in (None, "en")
