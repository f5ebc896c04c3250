import pytest

from am_assets.stages.distillation.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How many apples does Tom have in the end?", "en"),
        ("小明有十二个苹果，吃了三个，还剩多少个？", "zh"),
        (r"已知 $\frac{1}{2}x + \sqrt{3} = 5$，求 $x$ 的值。", "zh"),
        ("りんごはいくつありますか。", "other"),
        ("사과가 몇 개 있습니까?", "other"),
        ("Сколько яблок осталось у Тома?", "other"),
        ("Combien de pommes reste-t-il à la fin de la journée après ça ?", "other"),
        ("12 + 3 = ?", "other"),
        ('def same_chars(s0: str, s1: str):\n    """ """', "en"),
        ("把下面的 Python 代码改写成 Java：print('hello')", "zh"),
    ],
)
def test_the_language_is_told_by_script_and_function_words(text: str, language: str):
    assert detect_language(text) == language
