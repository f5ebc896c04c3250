"""Weekly partitions."""

from datetime import date, timedelta
from typing import Self

from pydantic import model_validator

from am_assets.core.settings.section import Section


class Weeks(Section):
    """Weekly partitions, Monday to Monday."""

    start: date
    last: date | None = None
    """Monday of the last week; null includes the current week."""

    @model_validator(mode="after")
    def _mondays(self) -> Self:
        for name, day in (("start", self.start), ("last", self.last)):
            if day is not None and day.weekday() != 0:
                raise ValueError(f"`weeks.{name}` must be a Monday, {day} is a {day:%A}")
        if self.last is not None and self.last < self.start:
            raise ValueError("`weeks.last` lies before `weeks.start`")
        return self

    def keys(self, today: date) -> list[str]:
        """Monday dates of all weeks up to `last`, but none after the week of `today`."""
        current = today - timedelta(days=today.weekday())
        last = min(self.last or current, current)
        count = (last - self.start).days // 7 + 1
        return [(self.start + timedelta(weeks=index)).isoformat() for index in range(count)]
