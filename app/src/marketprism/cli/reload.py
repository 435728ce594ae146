"""A new log level for a running service: ``systemctl reload`` sends SIGHUP, and the settings are read again."""

import asyncio
import signal

from marketprism import settings as settings_module
from marketprism.errors import ConfigurationError
from marketprism.telemetry import logs

_log = logs.get("reload")


def reload_on_hangup() -> None:
    """Take the log level over from the settings at each SIGHUP; all other settings need a restart.

    Settings that are wrong change nothing and are logged.
    """
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload)


def _reload() -> None:
    try:
        level = settings_module.load().log_level
    except ConfigurationError as error:
        _log.error("settings not read", reason=str(error))
        return
    logs.configure(level)
    _log.warning("log level set", level=level)
