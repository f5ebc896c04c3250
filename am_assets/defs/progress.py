"""Progress of a run as people read it: the lines that assets log, without Dagster's own events."""

import logging
from collections.abc import Callable

import dagster as dg


class _Lines(logging.Handler):
    """Hands on what assets log, one line at a time."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say a line, unless it is one of Dagster's own."""
        meta = getattr(record, "dagster_meta", {})
        if meta.get("dagster_event") is None:
            self._say(meta.get("orig_message", record.getMessage()))


def progress_logger(say: Callable[[str], None]) -> dg.LoggerDefinition:
    """A Dagster logger that gives `say` each line of progress of a run."""

    def progress(context: dg.InitLoggerContext) -> logging.Logger:
        del context
        logger = logging.Logger("am_assets.progress", logging.INFO)
        logger.addHandler(_Lines(say))
        return logger

    return dg.LoggerDefinition(progress, description="Progress of the run, line by line.")
