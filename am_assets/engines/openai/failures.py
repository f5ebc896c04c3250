"""What kind of failure an error of the OpenAI client is, and how long its server wants to wait."""

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from am_assets.core.requests import Cause
from am_assets.engines.openai.retrying import Failure

if TYPE_CHECKING:
    from openai import APIStatusError

_TEXT = 240
_PASSING = (408, 409, 429)
_CAUSES: dict[int, Cause] = {408: "timeout", 429: "rate_limited"}
_COMMON = (401, 403, 404)
"""Refusals that no request can help: the key, the right, the address."""


def failure_of(error: Exception, secret: str) -> Failure:
    """The failure that `error`, raised by an attempt, stands for.

    `secret` (the key, empty where there is none) never stands in its text.
    """
    # Importing this takes a second.
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        return _refusal(error, secret)
    if isinstance(error, APIConnectionError):
        reason = error.__cause__ or error
        text = f"no connection to the server ({reason.__class__.__name__}: {reason})"
        return Failure("unreachable", one_line(text, secret), passing=True, common=True)
    text = one_line(f"{error.__class__.__name__}: {error}", secret)
    if isinstance(error, UnicodeEncodeError):  # half a surrogate pair, which JSON cannot carry
        return Failure("refused", text)
    return Failure("garbled", text, passing=True, common=True)


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that a reply asks to wait, None where it asks nothing that can be understood.

    Reads `retry-after-ms`, and `Retry-After` as seconds or as an HTTP date (RFC 9110, 10.2.3);
    `now` is the time since the epoch.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        seconds = _seconds(value, unit)
        if seconds is None and unit == 1.0:
            seconds = _until(value, time.time() if now is None else now)
        if seconds is not None:
            return max(0.0, seconds)
    return None


def one_line(text: str, secret: str) -> str:
    """`text` as one line of bounded length, with `secret` blotted out."""
    told = text.replace(secret, "***") if secret else text
    return " ".join(told.split())[:_TEXT]


def _refusal(error: "APIStatusError", secret: str) -> Failure:
    code = error.status_code
    passing = code in _PASSING or code >= 500
    cause: Cause = "refused"
    if passing:
        cause = _CAUSES.get(code, "server_error")
    said = error.message.removeprefix(f"Error code: {code} - ")
    return Failure(
        cause,
        one_line(f"HTTP {code}: {said}", secret),
        passing=passing,
        common=passing or code in _COMMON,
        wait_s=retry_after_s(error.response.headers) if passing else None,
    )


def _seconds(value: str, unit: float) -> float | None:
    try:
        seconds = float(value) * unit
    except ValueError:
        return None
    return None if math.isnan(seconds) else seconds


def _until(value: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() - now
    except (ValueError, OverflowError, OSError):
        return None
