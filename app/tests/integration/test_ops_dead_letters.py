"""``marketprism dead-letters`` against the real NATS server."""

import asyncio
import base64
import json
from pathlib import Path

import pytest
from nats.aio.client import Client as NatsClient
from typer.testing import CliRunner, Result

from marketprism.cli import app
from marketprism.contract import wire
from marketprism.contract.catalog import subject
from marketprism.contract.instruments import Source
from marketprism.contract.wire import MESSAGE_ID_HEADER
from marketprism.errors import ConfigurationError, ContractError
from marketprism.storage.dead_letters import DeadLetter, lay_aside
from tests.integration.conftest import api, connect
from tests.integration.flows import BTC, trade
from tests.integration.servers import NatsServer
from tests.storage.envelopes import message

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]
GOOD = wire.encode("trade", Source.SIMULATED, BTC, [trade(7, price="0.000000000001", now_us=1_767_268_800_000_000)])


@pytest.fixture(autouse=True)
def configured(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))


@pytest.fixture
async def storage(nats_server: NatsServer):
    client = await connect(nats_server, "storage")
    yield client
    await client.close()


async def lay(storage: NatsClient, sequence: int, payload: bytes, on: str = subject("trade", BTC)) -> None:
    letter = DeadLetter(message(sequence, payload=payload, on=on), "undecodable", "because [of this]", 1)
    await lay_aside(storage, "MARKET_DATA", 7, letter)


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["dead-letters", *arguments])


async def printed(*arguments: str) -> object:
    result = await run(*arguments, "--json")
    assert result.exit_code == 0, result
    return json.loads(result.stdout)


async def test_letters_are_listed_with_reason_and_origin(storage: NatsClient):
    await lay(storage, 41, b"{broken")
    await lay(storage, 42, GOOD)
    first, second = await printed("list")
    assert first.pop("time").startswith("20")
    assert first == {
        "sequence": 1,
        "stream": "MARKET_DATA",
        "stream_sequence": 41,
        "subject": "trade.binance.spot.BTC-USDT",
        "reason": "undecodable: because [of this]",
        "bytes": 7,
    }
    assert (second["sequence"], second["bytes"]) == (2, len(GOOD))
    assert len(await printed("list", "--limit", "1")) == 1
    table = (await run("list")).stdout
    assert "undecodable: because [of this]" in table


async def test_a_large_letter_with_a_reason_beyond_ascii_fits(storage: NatsClient, nats_admin: NatsClient):
    """What NATS finds too large ends the connection, and with it the service."""
    payload = b"x" * 1_044_400
    letter = DeadLetter(message(41, payload=payload), "undecodable", "\U0001f4a5" * 600, 1)
    await lay_aside(storage, "MARKET_DATA", 7, letter)
    stored = (await api(nats_admin, "STREAM.MSG.GET.DEAD_LETTERS", {"seq": 1}))["message"]
    assert base64.b64decode(stored["data"]) == payload
    (listed,) = await printed("list")
    assert listed["reason"] == ("undecodable: " + "\\U0001f4a5" * 600)[:500]


async def test_no_letters_is_said(storage: NatsClient):
    assert (await run("list")).stdout == "no dead letters\n"
    assert await printed("list") == []


async def test_a_letter_shows_its_original_bytes(storage: NatsClient):
    await lay(storage, 41, b"\xff\x00{broken")
    shown = await printed("show", "1")
    assert base64.b64decode(shown["payload_base64"]) == b"\xff\x00{broken"
    assert shown["reason"] == "undecodable: because [of this]"
    assert (await run("show", "1")).stdout_bytes == b"\xff\x00{broken\n"


async def test_a_retry_publishes_the_original_under_a_new_id_and_removes_the_letter(
    storage: NatsClient, nats_admin: NatsClient
):
    await lay(storage, 41, GOOD)
    await lay(storage, 42, b"stays")
    assert await printed("retry", "1") == {"sequences": [1], "done": "published again"}
    republished = await nats_admin.jetstream().get_msg("MARKET_DATA", 1)
    assert (republished.subject, republished.data) == ("trade.binance.spot.BTC-USDT", GOOD)
    assert republished.headers == {MESSAGE_ID_HEADER: "retry:MARKET_DATA:7:41"}
    assert [letter["sequence"] for letter in await printed("list")] == [2]


async def test_a_retry_that_was_interrupted_before_the_removal_publishes_nothing_twice(
    storage: NatsClient, nats_admin: NatsClient
):
    await lay(storage, 41, GOOD)
    headers = {MESSAGE_ID_HEADER: "retry:MARKET_DATA:7:41"}
    await nats_admin.request("trade.binance.spot.BTC-USDT", GOOD, headers=headers)
    await printed("retry", "--all")
    assert (await api(nats_admin, "STREAM.INFO.MARKET_DATA"))["state"]["messages"] == 1
    assert await printed("list") == []


async def test_a_letter_that_no_stream_takes_stays(storage: NatsClient, nats_admin: NatsClient):
    await lay(storage, 41, GOOD)
    config = (await api(nats_admin, "STREAM.INFO.MARKET_DATA"))["config"]
    await api(nats_admin, "STREAM.UPDATE.MARKET_DATA", config | {"max_msg_size": 10})
    result = await run("retry", "1")
    assert isinstance(result.exception, ContractError)
    assert "it stays where it is" in str(result.exception)
    assert [letter["sequence"] for letter in await printed("list")] == [1]


async def test_bytes_that_were_too_large_to_lay_aside_come_from_their_stream(
    storage: NatsClient, nats_server: NatsServer
):
    collector = await connect(nats_server, "collector")
    large = b"x" * (1024 * 1024 - 100)
    await collector.request("trade.binance.spot.BTC-USDT", large)
    await collector.close()
    await lay(storage, 1, large)
    await lay(storage, 2, large)
    assert (await run("show", "1")).stdout_bytes == large + b"\n"
    gone = await run("retry", "2")
    assert isinstance(gone.exception, ContractError)
    assert f"the {len(large)} bytes of dead letter 2 are no longer in MARKET_DATA" in str(gone.exception)


async def test_dropping_needs_a_confirmation(storage: NatsClient):
    await lay(storage, 41, b"x")
    refused = await run("drop", "1")
    assert isinstance(refused.exception, ConfigurationError)
    assert len(await printed("list")) == 1
    assert await printed("drop", "1", "--yes") == {"sequences": [1], "done": "dropped"}
    assert await printed("list") == []


@pytest.mark.parametrize("arguments", [["retry"], ["retry", "1", "--all"], ["drop", "--yes"]])
async def test_letters_are_named_or_all(arguments: list[str]):
    assert isinstance((await run(*arguments)).exception, ConfigurationError)


@pytest.mark.parametrize("arguments", [["show", "9"], ["retry", "9"], ["drop", "9", "--yes"]])
async def test_a_letter_that_is_not_there_is_an_error(arguments: list[str]):
    with pytest.raises(ContractError, match="there is no dead letter 9"):
        raise (await run(*arguments)).exception
