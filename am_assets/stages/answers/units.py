"""Units of measurement: what an answer's unit means, and in what proportion two units stand.

Factors are exact, from the International System of Units brochure and NIST SP 811.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

Dimension = tuple[tuple[str, int], ...]


class Unit(NamedTuple):
    """A factor to base units, a dimension in them, and a zero that is not theirs (°C, °F)."""

    factor: Fraction
    dimension: Dimension
    zero: Fraction = Fraction(0)


class _Entry(NamedTuple):
    factor: str
    dimension: str
    symbols: str
    names: str
    prefixed: bool = False


# Base units: metre, gram, second, ampere, kelvin, mole, candela, radian (deg: degree), and what is
# counted in its own kind: usd, eur, ….
_ENTRIES = (
    _Entry("1", "m", "m", "meter metre 米", True),
    _Entry("1", "g", "g gm", "gram gramme 克", True),
    _Entry("1", "s", "s sec", "second 秒 秒钟", True),
    _Entry("60", "s", "min", "minute 分钟", False),
    _Entry("3600", "s", "h hr", "hour 小时 时", False),
    _Entry("86400", "s", "d", "day 天 日", False),
    _Entry("604800", "s", "wk", "week 周 星期", False),
    _Entry("31557600", "s", "yr", "year 年", False),
    _Entry("1", "A", "A amp", "ampere 安培 安", True),
    _Entry("1", "K", "K", "kelvin 开尔文", True),
    _Entry("1", "mol", "mol", "mole 摩尔", True),
    _Entry("1", "s^-1", "Hz", "hertz 赫兹", True),
    _Entry("1000", "g m s^-2", "N", "newton 牛顿 牛", True),
    _Entry("1000", "g m^-1 s^-2", "Pa", "pascal 帕斯卡 帕", True),
    _Entry("1000", "g m^2 s^-2", "J", "joule 焦耳 焦", True),
    _Entry("1000", "g m^2 s^-3", "W", "watt 瓦特 瓦", True),
    _Entry("1", "A s", "C coul", "coulomb 库仑", True),
    _Entry("1000", "g m^2 s^-3 A^-1", "V", "volt 伏特 伏", True),
    _Entry("1000", "g m^2 s^-3 A^-2", "Ω ohm", "欧姆 欧", True),
    _Entry("1/1000", "g^-1 m^-2 s^4 A^2", "F", "farad 法拉", True),
    _Entry("1000", "g s^-2 A^-1", "T", "tesla 特斯拉", True),
    _Entry("1/10", "g s^-2 A^-1", "G", "gauss", False),
    _Entry("1000", "g m^2 s^-2 A^-1", "Wb", "weber 韦伯", True),
    _Entry("1000", "g m^2 s^-2 A^-2", "H", "henry", True),
    _Entry("1602176634/10000000000000000000000000", "g m^2 s^-2", "eV", "electronvolt", True),
    _Entry("4184", "g m^2 s^-2", "cal", "calorie 卡路里", True),
    _Entry("1/10000", "g m^2 s^-2", "erg", "ergs", False),
    _Entry("1/100", "g m s^-2", "dyn", "dyne", False),
    _Entry("101325000", "g m^-1 s^-2", "atm", "atmosphere 大气压", False),
    _Entry("100000000", "g m^-1 s^-2", "bar", "bar", True),
    _Entry("101325000/760", "g m^-1 s^-2", "Torr torr mmHg", "", False),
    _Entry("1/1000", "m^3", "L l", "liter litre 升", True),
    _Entry("1/1000000", "m^3", "cc", "", False),
    _Entry("1/10000000000", "m", "Å", "angstrom ångström 埃", False),
    _Entry("149597870700", "m", "AU au", "", False),
    _Entry("9460730472580800", "m", "ly", "", False),
    _Entry("127/5000", "m", "in", "inch inche 英寸", False),
    _Entry("381/1250", "m", "ft", "foot feet 英尺", False),
    _Entry("1143/1250", "m", "yd", "yard 码", False),
    _Entry("201168/125", "m", "mi", "mile 英里", False),
    _Entry("45359237/100000", "g", "lb lbs", "pound 磅", False),
    _Entry("45359237/1600000", "g", "oz", "ounce 盎司", False),
    _Entry("1000000", "g", "t", "ton tonne 吨", False),
    _Entry("1000", "g", "", "公斤 千克", False),
    _Entry("1000", "m", "", "公里 千米", False),
    _Entry("1/10", "m", "", "分米", False),
    _Entry("473176473/125000000000", "m^3", "gal", "gallon 加仑", False),
    _Entry("473176473/500000000000", "m^3", "qt", "quart", False),
    _Entry("473176473/1000000000000", "m^3", "pt", "pint", False),
    _Entry("473176473/2000000000000", "m^3", "", "cup", False),
    _Entry("1397/3125", "m s^-1", "mph", "", False),
    _Entry("5/18", "m s^-1", "kph kmph", "", False),
    _Entry("10000", "m^2", "ha", "hectare 公顷", False),
    _Entry("1", "rad", "rad", "radian 弧度", False),
    _Entry("1", "deg", "deg °", "degree 度", False),
    _Entry("1", "usd", "$ usd USD", "dollar buck 美元", False),
    _Entry("1/100", "usd", "¢", "cent", False),
    _Entry("1", "cny", "CNY RMB", "yuan rmb 元 块 块钱 人民币", False),
    _Entry("1/10", "cny", "", "角 毛", False),
    _Entry("1", "eur", "€ EUR", "euro 欧元", False),
    _Entry("1", "gbp", "£ GBP", "英镑", False),
    _Entry("1", "yen", "JPY", "yen 日元", False),
    _Entry("1", "inr", "Rs", "rupee", False),
    _Entry("1", "bit", "bit bits", "bit", False),
    _Entry("8", "bit", "B", "byte", True),
    _Entry("12", "", "doz", "dozen 打", False),
)
_PREFIXES = {
    "f": -15, "p": -12, "n": -9, "μ": -6, "u": -6, "m": -3, "c": -2, "d": -1, "k": 3, "K": 3,
    "M": 6, "G": 9, "T": 12,
}  # fmt: skip
_PREFIX_NAMES = {
    "femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3, "centi": -2, "deci": -1,
    "kilo": 3, "mega": 6, "giga": 9, "tera": 12, "纳": -9, "微": -6, "毫": -3, "厘": -2, "千": 3,
    "兆": 6,
}  # fmt: skip
_TEMPERATURES = {
    "°C": Unit(Fraction(1), (("K", 1),), Fraction(27315, 100)),
    "°F": Unit(Fraction(5, 9), (("K", 1),), Fraction(45967, 180)),
}
_NONE = Unit(Fraction(1), ())
# Nothing is measured in "units", and what is squared is their dimension.
_UNITLESS = frozenset({"unit", "units"})
_NAMED_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3, "平方": 2, "立方": 3}
_TOKEN = re.compile(
    r"(?P<sign>[/·*()]|per(?![A-Za-z])|\s+)"
    r"|(?P<word>°[CF]?|[A-Za-zΩμÅ$€£¢¥]+|[\u4e00-\u9fff]+)"
    r"(?:\s*(?:\^|\*\*)\s*\{?\s*\(?(?P<power>[-+]?\d)\)?\s*\}?"
    r"|(?P<bare>[23](?!\d)|-[1-4](?!\d)))?"
)
_COMMANDS = (
    (re.compile(r"\\(?:text|mathrm|rm|mbox|operatorname)\b\s*"), ""),
    (re.compile(r"\\,|\\;|\\ |~"), " "),
    (re.compile(r"\^\s*\{?\s*\\?circ\s*\}?\s*"), "°"),
    (re.compile(r"\\degree\b\s*"), "°"),
    (re.compile(r"\\(?:mu|micro)\b\s*|µ"), "μ"),
    (re.compile(r"\\(?:Omega|ohm)\b\s*|Ω"), "Ω"),
    (re.compile(r"\\(?:AA|angstrom)\b\s*|Å"), "Å"),
    (re.compile(r"\\(?:cdot|times)\b\s*|⋅|−"), lambda found: "-" if found[0] == "−" else "·"),
    (re.compile(r"\\([%$])"), r"\1"),
    # ft-lb, kilowatt-hours
    (re.compile(r"(?<=[A-Za-z])-(?=[A-Za-z])"), "·"),
)


def _dimension(text: str) -> dict[str, int]:
    powers: dict[str, int] = {}
    for part in text.split():
        name, _, power = part.partition("^")
        powers[name] = int(power or 1)
    return powers


def _table() -> tuple[dict[str, Unit], dict[str, Unit]]:
    symbols: dict[str, Unit] = {}
    names: dict[str, Unit] = {}
    for entry in _ENTRIES:
        dimension = tuple(sorted(_dimension(entry.dimension).items()))
        unit = Unit(Fraction(entry.factor), dimension)
        for prefixes, words, into in (
            (_PREFIXES, entry.symbols, symbols),
            (_PREFIX_NAMES, entry.names, names),
        ):
            for word in words.split():
                into[word] = unit
                for prefix, power in prefixes.items() if entry.prefixed else ():
                    into.setdefault(
                        prefix + word, Unit(unit.factor * Fraction(10) ** power, dimension)
                    )
    # "min" is a minute and no milli-inch, "cd" no centi-day, and so on: plain symbols win.
    for entry in _ENTRIES:
        dimension = tuple(sorted(_dimension(entry.dimension).items()))
        for word in entry.symbols.split():
            symbols[word] = Unit(Fraction(entry.factor), dimension)
    return symbols, names


_SYMBOLS, _NAMES = _table()


@lru_cache(maxsize=4096)
def read_unit(text: str) -> Unit | None:
    r"""The unit that a text names ("m/s^2", "kJ mol^{-1}", "square feet", "平方厘米"), or None."""
    for pattern, replacement in _COMMANDS:
        text = pattern.sub(replacement, text)
    for _ in range(3):
        text = re.sub(r"\{([^{}]*)\}", r"\1", text)
    text = text.strip(" .")
    if not text or len(text) > 60:
        return None
    factor, powers, sign = Fraction(1), dict[str, int](), 1
    position, named_power, found = 0, 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        position = match.end()
        if match["sign"]:
            mark = match["sign"]
            if mark in ("/", "per"):
                sign = -1
            elif mark == ")":
                sign = 1
            continue
        word = match["word"]
        if word.casefold() in _NAMED_POWERS:
            named_power = _NAMED_POWERS[word.casefold()]
            continue
        for named, power in _NAMED_POWERS.items():
            if not named.isascii() and word.startswith(named):
                named_power, word = power, word[len(named) :]
        units = _units_of(word)
        if units is None:
            return None
        written = int(match["power"] or match["bare"] or 1)
        # A power belongs to the last of units written together: J mol^{-1}, JK^{-1}.
        for place, unit in enumerate(units):
            if unit.zero and (found or position < len(text) or len(units) > 1):
                # Differences of temperatures have no zero.
                unit = Unit(unit.factor, unit.dimension)
            power = (written if place == len(units) - 1 else 1) * named_power * sign
            if unit.zero and power == 1:
                return unit
            factor *= unit.factor**power
            for name, one in unit.dimension:
                powers[name] = powers.get(name, 0) + one * power
        found += 1
        named_power = 1
    if not found or named_power != 1:
        return None
    return Unit(factor, tuple(sorted((name, power) for name, power in powers.items() if power)))


def ratio(one: Unit, other: Unit) -> Fraction | None:
    """How many of `other` one of `one` is; None when they measure different things."""
    if one.dimension != other.dimension or one.zero != other.zero:
        return None
    return one.factor / other.factor


def _units_of(word: str) -> list[Unit] | None:
    """The units one word stands for: "km", "feet", "Jmol"."""
    if word in _UNITLESS:
        return [_NONE]
    known = _known(word)
    if known is not None:
        return [known]
    # Written together without a space: JK, Nm, kgm.
    if word.isascii() and word.isalpha():
        for split in range(1, len(word)):
            first, second = _SYMBOLS.get(word[:split]), _SYMBOLS.get(word[split:])
            if first is not None and second is not None and not word.islower():
                return [first, second]
    return None


def _known(word: str) -> Unit | None:
    if word in _TEMPERATURES:
        return _TEMPERATURES[word]
    if word in _SYMBOLS:
        return _SYMBOLS[word]
    lowered = word.casefold()
    for name in (lowered, lowered.removesuffix("s"), lowered.removesuffix("es")):
        if name in _NAMES:
            return _NAMES[name]
    if word == "摄氏度":
        return _TEMPERATURES["°C"]
    # KM, Kg, CM: the case of a symbol of two letters or more is often wrong.
    if len(word) < 2 or (len(word) == 2 and not word.isupper()):
        return None
    matches = {unit for symbol, unit in _SYMBOLS.items() if symbol.casefold() == lowered}
    return matches.pop() if len(matches) == 1 else None
