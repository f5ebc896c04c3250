"""What work on rows costs, while it goes on and when it is done."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from am_assets.core.requests import Completion

_REPORT_EVERY_S = 5.0


class Meter:
    """Counts rows done and reused, tokens and errors, and says a line every few seconds.

    `total` is the number of rows to come, where it is known. Time counts from the beginning.
    """

    def __init__(
        self,
        name: str,
        total: int | None = None,
        say: Callable[[str], None] = lambda line: None,
        unit: str = "rows",
        gpus: float = 0,
    ) -> None:
        self.name = name
        self.total = total
        self.errors: Counter[str] = Counter()
        self.reused = 0
        self.made = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.cached_tokens = 0
        self._unit = unit
        self._gpus = gpus
        self._say = say
        self._begun = self._said = time.monotonic()
        self._worked_s = 0.0

    @property
    def done(self) -> int:
        """Rows that have their result or their error."""
        return self.made + self.reused + self.errors.total()

    def answered(self, completion: Completion) -> None:
        """Count what an engine gave for one request."""
        if completion.error is not None:
            self.errors[completion.cause or "engine_failed"] += 1
        else:
            self.made += 1
            self.prompt_tokens += completion.prompt_tokens
            self.completion_tokens += completion.completion_tokens
            self.cached_tokens += completion.cached_tokens
        self._worked()

    def found(self, rows: int = 1) -> None:
        """Count rows whose result was remembered."""
        self.reused += rows
        if rows:
            self._tell()

    def computed(self, rows: int = 1) -> None:
        """Count rows whose result was computed without tokens to count."""
        self.made += rows
        if rows:
            self._worked()

    def failed(self, cause: str, rows: int = 1) -> None:
        """Count rows that have no result."""
        self.errors[cause] += rows
        self._worked()

    def finish(self) -> None:
        """Say the last line."""
        if self.done:
            self._say(self.line())

    def line(self) -> str:
        """How far the work is, for people."""
        of = f" of {self.total:,}" if self.total is not None else ""
        parts = [f"{self.name}: {self.done:,}{of} {self._unit}"]
        if self.reused:
            parts.append(f"{self.reused:,} reused")
        if self.completion_tokens:
            seconds = max(self._worked_s, 1e-9)
            parts.append(
                f"{self.prompt_tokens / seconds:,.0f} tokens/s in, "
                f"{self.completion_tokens / seconds:,.0f} out"
            )
        if self.cached_tokens and self.prompt_tokens:
            parts.append(f"{self.cached_tokens / self.prompt_tokens:.0%} of prompts cached")
        if self.errors:
            kinds = ", ".join(f"{count} {cause}" for cause, count in sorted(self.errors.items()))
            parts.append(f"errors: {kinds}")
        if (left := self._left_s()) is not None:
            parts.append(f"{_span(left)} left")
        return "; ".join(parts)

    def totals(self) -> dict[str, Any]:
        """The counts as plain values; provenance, for metadata."""
        return {
            "done": self.done,
            "made": self.made,
            "reused": self.reused,
            "errors": dict(sorted(self.errors.items())),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cached_prompt_tokens": self.cached_tokens,
            "engine_seconds": round(self._worked_s, 3),
            "made_per_second": round(self.made / max(self._worked_s, 1e-9), 1),
            "gpu_seconds": round(self._worked_s * self._gpus, 3),
        }

    def _worked(self) -> None:
        # Until the last result an engine was at work; what follows is ours.
        self._worked_s = time.monotonic() - self._begun
        self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._said >= _REPORT_EVERY_S:
            self._said = now
            self._say(self.line())

    def _left_s(self) -> float | None:
        made = self.made + self.errors.total()
        if self.total is None or not made or self.done >= self.total:
            return None
        return self._worked_s / made * (self.total - self.done)


def _span(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{minutes:.0f} min" if minutes >= 2 else f"{seconds:.0f} s"
