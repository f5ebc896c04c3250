"""One notation for answers: LaTeX, Unicode and typed mathematics become the same plain LaTeX."""

import re
import unicodedata

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
    "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8),
    "⅞": (7, 8),
}  # fmt: skip
FUNCTION_WORDS = re.compile(
    r"\\?(?:sin|cos|tan|cot|sec|csc|ln|log|lg|exp|sqrt|arcsin|arccos|arctan|mod|max|min|gcd|lcm)"
    r"(?![a-z])"
)
"""The beginning of the name of a function."""
_SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "×": r"\times ", "÷": r"\div ", "·": r"\cdot ", "⋅": r"\cdot ",
    "∙": r"\cdot ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ",
    "≠": r"\ne ", "≈": r"\approx ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "±": r"\pm ",
    "∓": r"\mp ", "°": r"^\circ ", "º": r"^\circ ", "∅": r"\emptyset ", "π": r"\pi ",
    "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ",
    "φ": r"\phi ", "ω": r"\omega ", "ρ": r"\rho ", "Δ": r"\Delta ", "Ω": r"\Omega ",
    "∠": r"\angle ", "△": r"\triangle ", "∑": r"\sum ", "∫": r"\int ", "∏": r"\prod ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "、": ",",
    "⟨": r"\langle ", "⟩": r"\rangle ", "′": "'", "′′": "''", "\u2061": "", "\u200b": "",
    "\ufeff": "", "\u00a0": " ", "…": r"\ldots ",
}  # fmt: skip
_SYMBOL = re.compile("|".join(map(re.escape, sorted(_SYMBOLS, key=len, reverse=True))))
_ALIASES = {
    r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\leq": r"\le",
    r"\geq": r"\ge", r"\leqslant": r"\le", r"\geqslant": r"\ge", r"\neq": r"\ne", r"\lt": "<",
    r"\gt": ">", r"\varnothing": r"\emptyset", r"\lbrace": r"\{", r"\rbrace": r"\}",
    r"\lbrack": "[", r"\rbrack": "]", r"\lvert": "|", r"\rvert": "|", r"\vert": "|",
    r"\mid": "|", r"\degree": r"^\circ", r"\textdegree": r"^\circ", r"\percent": r"\%",
    r"\mathpi": r"\pi", r"\uppi": r"\pi", r"\ast": "*", r"\colon": ":", r"\tbinom": r"\binom",
    r"\dbinom": r"\binom", r"\thinspace": "", r"\displaystyle": "", r"\textstyle": "",
    r"\limits": "", r"\left": "", r"\right": "", r"\bigl": "", r"\bigr": "", r"\Bigl": "",
    r"\Bigr": "", r"\biggl": "", r"\biggr": "", r"\big": "", r"\Big": "", r"\bigg": "",
    r"\Bigg": "", r"\middle": "", r"\nonumber": "", r"\hfill": "", r"\newline": " ",
    r"\quad": " ", r"\qquad": " ", r"\space": " ", r"\enspace": " ", r"\thickspace": " ",
    r"\mathring": "", r"\bigcup": r"\cup", r"\simeq": r"\approx", r"\iff": r"\Leftrightarrow",
    r"\implies": r"\Rightarrow", r"\dots": r"\ldots", r"\cdots": r"\ldots", r"\sbox": r"\text",
    r"\mbox": r"\text", r"\textrm": r"\text", r"\mathrm": r"\text", r"\textbf": r"\text",
    r"\textit": r"\text", r"\mathit": r"\text", r"\textsf": r"\text", r"\mathsf": r"\text",
    r"\texttt": r"\text", r"\mathtt": r"\text", r"\operatorname": r"\text", r"\hbox": r"\text",
    r"\textnormal": r"\text", r"\mathbf": r"\text", r"\boldsymbol": r"\text", r"\bm": r"\text",
}  # fmt: skip
_COMMAND = re.compile(r"\\[A-Za-z]+")
_FUNCTIONS = (
    "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "sin", "cos", "tan", "cot", "sec", "csc",
    "ln", "log", "lg", "exp", "sqrt", "pi", "theta", "alpha", "beta", "gamma", "lambda", "infty",
)  # fmt: skip
_TYPED = re.compile(rf"(?<![\\A-Za-z])({'|'.join(_FUNCTIONS)})(?![A-Za-z])")
_INFINITY = re.compile(r"(?<![\\A-Za-z])(?:infinity|inf|oo)(?![A-Za-z])", re.IGNORECASE)
_NUMBER_TEXT = re.compile(r"\\text\s*\{\s*([-+]?\d[\d.,]*)\s*\}")
_FUNCTION_TEXT = re.compile(rf"\\text\s*\{{\s*({'|'.join(_FUNCTIONS)})\s*\}}")
_SYMBOL_TEXT = re.compile(r"\\text\s*\{\s*([a-zA-Z]|\\[a-z]+)\s*\}")
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_SPACES = re.compile(r"(?<!\\)\\(?:!\s*|[,;:> \n])|~")
_WRAPS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`"))
_INLINE = re.compile(r"(?<!\\)\$([^$]+)(?<!\\)\$")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:[ ,]\d{3})+(?![\d,]| \d)")
_SCRIPTED_UNIT = re.compile(r"\^\s*\{?\s*\\circ\s*\}?")
_SQRT_CALL = re.compile(r"\\sqrt\s*\(")
_ENDS = " \t\n.,;:?。，；：！？*"
# An exclamation mark behind a word is no factorial.
_EXCLAIMED = re.compile(r"(?<=[A-Za-z]{3})!+$")


def plain(text: str) -> str:
    r"""An answer in plain LaTeX: `\frac`, `\text`, `\le`, ASCII digits, single spaces.

    Only what typesetting decides goes; nothing that a value depends on.
    """
    # A full-width exclamation mark is no factorial.
    text = text.replace("！", " ")
    text = _RAISED.sub(lambda run: "^{" + run[0].translate(_SUPERSCRIPTS) + "}", text)
    text = _LOWERED.sub(lambda run: "_{" + run[0].translate(_SUBSCRIPTS) + "}", text)
    for character, (top, bottom) in _VULGAR.items():
        text = text.replace(character, rf"\frac{{{top}}}{{{bottom}}}")
    if not text.isascii():
        text = text.replace("√", r"\sqrt ")
        text = _SYMBOL.sub(lambda found: _SYMBOLS[found[0]], text)
        text = unicodedata.normalize("NFKC", text)
        text = _SYMBOL.sub(lambda found: _SYMBOLS[found[0]], text)
    text = _INLINE.sub(r" \1 ", unwrapped(text))
    if "\\" in text:
        text = _SPACES.sub(lambda found: "" if found[0][1:2] == "!" else " ", text)
        text = _COMMAND.sub(lambda found: _ALIASES.get(found[0], found[0]), text)
        text = text.replace(r"\$", "$").replace("{,}", ",").replace(r"\%", "%")
        text = text.replace(r"\&", "&").replace(r"\#", "#")
        text = _NUMBER_TEXT.sub(r" \1 ", text)
        text = _FUNCTION_TEXT.sub(r"\\\1 ", text)
        text = _SYMBOL_TEXT.sub(r" \1 ", text) if _is_symbolic(text) else text
        text = _SCRIPTED_UNIT.sub(r"^\\circ ", text)
    else:
        text = text.replace("~", " ").replace("{,}", ",")
    text = text.replace("**", "^")
    if any(character.isalpha() for character in text):
        text = _TYPED.sub(r"\\\1 ", text)
        text = _INFINITY.sub(r"\\infty ", text)
        text = _braced_roots(text)
    return " ".join(text.split()).strip()


def unwrapped(text: str) -> str:
    """Text without the marks of mathematics and of emphasis around it, and end punctuation."""
    text = text.strip()
    while True:
        before = text
        text = text.rstrip(_ENDS) if not text.endswith((r"\!", r"\,", r"\;", r"\:")) else text
        text = _EXCLAIMED.sub("", text).lstrip(" \t\n:：,，。*")
        for start, end in _WRAPS:
            inner = text[len(start) : len(text) - len(end)]
            wrapped = text.startswith(start) and text.endswith(end)
            if wrapped and len(text) > len(start) + len(end) and start not in inner:
                text = inner.strip()
        if text == before:
            return text if text.strip(_ENDS) else ""


def without_spaces(text: str) -> str:
    """A key for texts that are the same but for spaces and braces around one character."""
    text = re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", text)
    return re.sub(r"\{(\w)\}", r"\1", re.sub(r"\s+", "", text))


def words_of(text: str) -> str:
    r"""Text with `\text{…}` opened."""
    return " ".join(_TEXT.sub(r" \1 ", text).split())


def ungrouped(text: str) -> str:
    """Numbers without the separators of their thousands: 1,234,567 and 12 000."""
    return _GROUPED.sub(lambda number: re.sub("[ ,]", "", number[0]), text)


def _is_symbolic(text: str) -> bool:
    r"""Whether a letter in `\text{}` is a symbol and no unit: it does not follow a number."""
    return not re.search(r"[\d})]\s*\\text\s*\{\s*[a-zA-Z]\s*\}", text)


def _braced_roots(text: str) -> str:
    r"""`\sqrt(x+1)` as `\sqrt{x+1}`."""
    for _ in range(20):
        call = _SQRT_CALL.search(text)
        if call is None:
            break
        end = closing(text, call.end() - 1)
        if end is None:
            break
        text = f"{text[: call.start()]}\\sqrt{{{text[call.end() : end]}}}{text[end + 1 :]}"
    return text


def closing(text: str, start: int) -> int | None:
    """Where the bracket that opens at `start` closes, counting its own kind only."""
    opened = text[start]
    closed = {"(": ")", "[": "]", "{": "}"}[opened]
    depth = 0
    for position in range(start, len(text)):
        if text[position] == opened:
            depth += 1
        elif text[position] == closed:
            depth -= 1
            if depth == 0:
                return position
    return None


def is_function(text: str) -> bool:
    """Whether a text begins with the name of a function."""
    return bool(FUNCTION_WORDS.match(text))
