"""Structured logs: JSON lines for the journal, colours on a terminal."""

import logging
import sys
from typing import TYPE_CHECKING, cast

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, Processor


def configure(level: str) -> None:
    """Set up structlog once; it writes to standard error, so that standard output stays data.

    What libraries report through `logging` becomes lines of the same form, from warnings on.
    """
    terminal = sys.stderr.isatty()
    renderer: Processor = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not terminal:
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name_component, *processors],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    # It reports a failed attempt to connect with its traceback; who connects says the same in a line with the remedy.
    logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)


def _name_component(_logger: object, _method: str, event: "EventDict") -> "EventDict":
    event["component"] = event["_record"].name
    return event


def get(name: str) -> "FilteringBoundLogger":
    """Return the logger of one component."""
    return cast("FilteringBoundLogger", structlog.get_logger(component=name))
