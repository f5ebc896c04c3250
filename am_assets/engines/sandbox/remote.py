"""Stand-ins, in the tests' process, for what lives in the candidate's.

Using a stand-in asks the candidate's process; what comes back is plain data or another stand-in.
What would leave a comparison to the candidate (equality, order, membership, arithmetic, hashing)
is refused: `Unjudgeable` ends the test, and is remembered where the test swallows it.
"""

import builtins
import collections
import decimal
import fractions
import functools
import math
import mmap
import operator
import types
from collections.abc import Callable, Mapping
from typing import Any

from am_assets.engines.sandbox import frames
from am_assets.engines.sandbox.exchange import Exchange, Forged, TooLarge
from am_assets.engines.sandbox.serving import (
    CAPABILITIES,
    OK,
    RAISED,
    STOPPED,
    TOO_LARGE,
    max_message_bytes,
)

# What a test may hand over by name: it is the same thing on both sides.
_NAMED = {
    id(value): f"{module.__name__}.{name}"
    for module in (builtins, math, operator)
    for name, value in vars(module).items()
    if callable(value)
}
# Bound on all a program sends, in the largest messages: reading takes the tests' time.
_MESSAGES = 8
_NAMED_TYPES = (types.BuiltinFunctionType, type)
# Not StopIteration and the like, which a test's own loops would take for their own.
_EXCEPTIONS = {
    kind.__name__: kind
    for kind in vars(builtins).values()
    if isinstance(kind, type)
    and issubclass(kind, Exception)
    and not issubclass(
        kind, (StopIteration, StopAsyncIteration, UnicodeError, SyntaxError, ExceptionGroup)
    )
}
# Never equal to an object of the candidate's, whatever that says of itself.
PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, range, list, tuple, dict)
PLAIN += (set, frozenset, collections.deque, collections.Counter, collections.OrderedDict)
PLAIN += (collections.defaultdict, decimal.Decimal, fractions.Fraction)


class Unjudgeable(BaseException):
    """What the test does cannot be judged out of the candidate's reach."""


class RemoteError(BaseException):
    """The candidate ended a call by something no test may take for its own (SystemExit, …)."""


class CandidateGone(Exception):
    """The candidate's process ended, or broke the protocol, before the tests had ended.

    Left to leave `testing.run`, it makes the run's result the candidate's fate, not the tests'.
    """


class TooMuch(BaseException):
    """The candidate returned more than the bound."""


class Session:
    """The tests' end of the channel. Starts by waiting until the program has run."""

    def __init__(self, channel: int, job: Mapping[str, Any], waits: mmap.mmap) -> None:
        self._channel, self._waits = channel, waits
        self._max_bytes = max_message_bytes(job)
        self._exchange = Exchange(self, 0, self._max_bytes)
        self._received = 0
        self._lost: BaseException | None = None
        self.calls = 0
        self.refusal = ""
        """Why the test cannot be judged, once it has done what cannot."""
        self.raised: list[BaseException] = []
        """The last exception of the candidate's, as raised here."""
        self.last: tuple[str, tuple[Any, ...], Any] | None = None
        """The last call: the function's name, its arguments, what it returned."""
        self.over = False
        self._receive()

    def refuse(self, reason: str) -> Unjudgeable:
        """Note that the test cannot be judged; the exception to raise."""
        self.refusal = self.refusal or reason
        return Unjudgeable(reason)

    def ask(self, operation: str, *arguments: Any, **named: Any) -> Any:
        """The candidate's answer, or its exception raised anew."""
        if self._lost is not None:
            raise self._lost
        dropped = tuple(self._exchange.unused())
        try:
            request = (operation, dropped, arguments, tuple(named.items()))
            message = self._exchange.write(request)
        except TooLarge as problem:
            raise self.refuse(f"an argument cannot be passed ({problem})") from None
        # Only now: what the test changed before it let go of it has been sent.
        self._exchange.forget(dropped)
        try:
            # Who is waited for owes the time that passes.
            self._waits[0] = 1
            frames.send(self._channel, message)
        except frames.Closed:
            raise self._lose(CandidateGone()) from None
        status, value = self._receive()
        if status == OK:
            return value
        if status == STOPPED and operation == "next":
            raise StopIteration
        if status == RAISED and (problem := _raised(value)) is not None:
            self.raised = [problem]
            raise problem
        if status == TOO_LARGE:
            raise self._lose(TooMuch())
        raise self._lose(Forged("an unknown answer"))

    def call(self, function: "Remote", label: str, arguments: Any, named: Any) -> Any:
        """Call a function of the candidate's."""
        self.calls += 1
        self.last = (label, arguments, _NOTHING)
        value = self.ask("call", function, *arguments, **named)
        self.last = (label, arguments, value)
        return value

    def show(self, value: Any) -> tuple[str, Any]:
        kind = type(value)
        if isinstance(value, Remote):
            return "object", object.__getattribute__(value, "_number")
        if isinstance(value, _NAMED_TYPES) and id(value) in _NAMED:
            return "builtin", _NAMED[id(value)]
        if isinstance(value, types.FunctionType | types.MethodType | types.LambdaType):
            raise self.refuse("an argument is a function of the test's own")
        raise self.refuse(f"a {kind.__name__[:60]} of the test's own cannot be passed plainly")

    def meet(self, kind: str, which: int | str) -> Any:
        name, *able = kind.split(" ")
        if name != "object" or not isinstance(which, int) or not CAPABILITIES.keys() >= set(able):
            raise Forged(kind)
        if "await" in able:
            raise self.refuse("the program's coroutines cannot be run from here")
        return _class_for(frozenset(able))(self, which)

    def _receive(self) -> tuple[Any, Any]:
        try:
            message = frames.receive(self._channel, self._max_bytes)
            self._waits[0] = 0
            self._received += len(message)
            if self._received > _MESSAGES * self._max_bytes:
                raise self._lose(TooMuch())
            status, value = self._exchange.read(message)
        except frames.Closed:
            raise self._lose(CandidateGone()) from None
        except (Forged, ValueError) as problem:
            raise self._lose(Forged(str(problem))) from None
        return status, value

    def _lose(self, problem: BaseException) -> BaseException:
        # Whatever the test does about it, nothing more is to be had.
        self._lost = problem
        return problem

    @property
    def lost(self) -> BaseException | None:
        """What ended the conversation."""
        return self._lost


_NOTHING = object()
_SCALARS = (str, int, bool, float)


def observed(session: Session, limit: int) -> str:
    """The last call and what it returned, as text, without asking the candidate again."""
    session.over = True
    if session.last is None:
        return ""
    label, arguments, value = session.last
    call = f"{label}({', '.join(map(_short, arguments))})"[:limit]
    return call if value is _NOTHING else f"{call} returned {_short(value)[:limit]}"


def _short(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        # An int too long to print, say.
        return f"<{type(value).__name__}>"


def _raised(told: Any) -> BaseException | None:
    """The candidate's exception as one of Python's own, None where it is none."""
    match told:
        case (tuple() as names, tuple() as arguments) if all(type(n) is str for n in names):
            for name in names:
                if name in _EXCEPTIONS and all(type(a) in _SCALARS for a in arguments):
                    return _EXCEPTIONS[name](*arguments)
            return RemoteError(", ".join(names[:1]))
        case _:
            pass
    return None


class Remote:
    """An object of the candidate's; also a function, a class, an iterator."""

    __slots__ = ("_label", "_number", "_session")

    def __init__(self, session: Session, number: int, label: str = "…") -> None:
        object.__setattr__(self, "_session", session)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_label", label)

    def __getattr__(self, name: str) -> Any:
        label = object.__getattribute__(self, "_label")
        return named(_ask(self, "getattr", name), f"{label}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "delattr", name)

    def __str__(self) -> str:
        return self.__repr__("str")

    def __repr__(self, operation: str = "repr") -> str:
        if object.__getattribute__(self, "_session").over:
            return "<an object of the program>"
        text = _ask(self, operation)
        return text if isinstance(text, str) else "<an object of the program>"

    def __format__(self, specification: str) -> str:
        return format(str(self), specification)

    def __eq__(self, other: object) -> bool:
        if type(other) not in PLAIN:
            raise _refuse(self, "equality of the program's own objects would be their own word")
        content = _ask(self, "content")
        held = content[0] if type(content) is tuple and content else NotImplemented
        return type(held) in PLAIN and held == other

    def __ne__(self, other: object) -> bool:
        return not self == other


def named(value: Any, label: str) -> Any:
    """`value`, called `label` in evidence where it stands for something of the candidate's."""
    if isinstance(value, Remote):
        object.__setattr__(value, "_label", label)
    return value


def _ask(remote: Remote, operation: str, *arguments: Any) -> Any:
    return object.__getattribute__(remote, "_session").ask(operation, remote, *arguments)


def _refuse(remote: Remote, reason: str) -> Unjudgeable:
    return object.__getattribute__(remote, "_session").refuse(reason)


def _refusing(name: str) -> Callable[..., Any]:
    def method(self: Remote, *_: Any, **__: Any) -> Any:
        raise _refuse(self, f"{name} of an object of the program's would be its own word")

    return method


_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_ARITHMETIC += ("and", "or", "xor", "lshift", "rshift")
_UNARY = ("neg", "pos", "abs", "invert")
_REFUSED = (
    *("hash", "lt", "le", "gt", "ge", "contains", "instancecheck", "subclasscheck"),
    *("copy", "deepcopy", "reduce_ex", "mro_entries", "enter", "exit"),
    *("round", "trunc", "floor", "ceil", "complex", "bytes", "divmod", "rdivmod"),
    *(f"{side}{name}" for name in _ARITHMETIC for side in ("r", "i")),
)


def _operating(name: str) -> Callable[..., Any]:
    """An operator on the program's objects alone: nothing plain, so nothing expected, is told."""

    def method(self: Remote, *others: Any) -> Any:
        if not all(isinstance(other, Remote) for other in others):
            raise _refuse(self, f"{name} of an object of the program's would be its own word")
        return _ask(self, "operate", name, *others)

    return method


for _name in _REFUSED:
    setattr(Remote, f"__{_name}__", _refusing(f"__{_name}__"))
for _name in (*_ARITHMETIC, *_UNARY):
    setattr(Remote, f"__{_name}__", _operating(f"__{_name}__"))


def _call(self: Remote, *arguments: Any, **named: Any) -> Any:
    session, label = (object.__getattribute__(self, name) for name in ("_session", "_label"))
    return session.call(self, label, arguments, named)


def _asking(operation: str) -> Callable[..., Any]:
    def method(self: Remote, *arguments: Any) -> Any:
        return _ask(self, operation, *arguments)

    return method


@functools.cache
def _class_for(able: frozenset[str]) -> Any:
    methods = {CAPABILITIES[name]: _asking(name) for name in able}
    if "call" in able:
        methods["__call__"] = _call
    return type("Remote", (Remote,), {"__slots__": (), **methods})
