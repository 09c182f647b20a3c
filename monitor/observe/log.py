"""How we log: structured, to standard error, one line for one thing that happened."""

import logging
import sys
from typing import TextIO, cast

import structlog

from monitor.model.settings import LogSettings


class Sink:
    """Standard error as it is when a line is written.

    What can't be written (a full disk, a pipe that nobody reads, a closed stream) is lost, and watching goes on.
    """

    def write(self, text: str) -> int:
        """Write, or let it be."""
        try:
            return sys.stderr.write(text)
        except (OSError, ValueError):
            return 0

    def flush(self) -> None:
        """Hand over what is buffered, or let it be."""
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            return


def configure(settings: LogSettings) -> None:
    """Set logging up for this process; libraries' own loggers are heard from WARNING upwards."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        # Never with local variables, as its default is: among them are tokens.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Sink())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(Sink())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # It warns of every turn that is skipped; those are counted as a metric instead.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # The schedule tells of a job that failed by itself, in one line.
    logging.getLogger("apscheduler.executors").setLevel(logging.CRITICAL)
