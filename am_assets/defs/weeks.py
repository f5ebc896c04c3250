"""The weeks of a profile."""

from datetime import UTC, date, datetime

from am_assets.core.profile import Profile


def week_keys(profile: Profile) -> list[str]:
    """Mondays of the profile's weeks up to today, ISO dates."""
    return profile.weeks.keys(today())


def today() -> date:
    """The day in UTC."""
    return datetime.now(UTC).date()
