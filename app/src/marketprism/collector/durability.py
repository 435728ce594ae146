"""Whether NATS syncs what it acknowledges, as its monitor says.

``sync_interval: always`` syncs each message before its acknowledgement. With an interval, a power cut takes what was
acknowledged since the last sync: at ``100ms`` a tenth of a second, which is a choice; at the server's default, two
minutes. See ``jetstream.sync_interval`` in https://docs.nats.io/running-a-nats-service/configuration.
"""

import aiohttp
import msgspec

MONITOR_SECONDS = 5.0


class _Config(msgspec.Struct):
    sync_interval: int = 0  # nanoseconds
    sync_always: bool = False


class _JetStream(msgspec.Struct):
    config: _Config = msgspec.field(default_factory=_Config)


_decoder = msgspec.json.Decoder(_JetStream)


async def sync_warning(monitor_url: str) -> str | None:
    """Ask the monitor; return a sentence when acknowledged messages may be lost or nothing is known, else None.

    Args:
        monitor_url: ``http://host:port`` of the server's monitor.
    """
    timeout = aiohttp.ClientTimeout(total=MONITOR_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{monitor_url}/jsz") as answer:
            config = _decoder.decode(await answer.read()).config
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
        return f"whether NATS syncs is unknown: {monitor_url}/jsz: {str(error) or 'no answer in time'}"
    if config.sync_always:
        return None
    seconds = config.sync_interval / 1e9
    return f"NATS syncs every {seconds:g} s: a power cut takes what was acknowledged since; set sync_interval: always"
