"""Who may do what on NATS: every user and every request, against a real server with the contract's rights."""

import asyncio
import re

import pytest

from marketprism.contract.catalog import DATA_TYPES, DEAD_LETTERS, NATS_USERS, STREAMS
from tests.integration.conftest import connect
from tests.integration.servers import NatsServer

pytestmark = pytest.mark.integration

EVERYBODY, ADMIN, FEED, STORE = set(NATS_USERS), {"admin"}, {"admin", "collector"}, {"admin", "storage"}
STORED = [name for name, stream in STREAMS.items() if stream.consumer is not None]

MAY: dict[str, set[str]] = {
    # events go in by the collector, and again by the administrator who corrects dead letters
    **{f"{name}.binance.spot.BTC-USDT": FEED for name in DATA_TYPES},
    "dead_letter.MARKET_DATA": {"storage"},
    "trade": set(),
    # answers go to nobody else's inbox
    **{f"_INBOX.{user}.x": set() for user in NATS_USERS},
    # the server itself
    "$SYS.REQ.SERVER.PING": set(),
    "$SYS.REQ.ACCOUNT.$G.CONNZ": set(),
    "$JS.API.INFO": EVERYBODY,
    "$JS.API.STREAM.NAMES": ADMIN,
    "$JS.API.STREAM.LIST": ADMIN,
    "$JS.SNAPSHOT.ACK.x": ADMIN,
    **{f"$JS.API.STREAM.INFO.{stream}": EVERYBODY for stream in STREAMS},
    **{
        f"$JS.API.STREAM.{verb}.{stream}": ADMIN
        for verb in ("CREATE", "UPDATE", "MSG.DELETE", "SNAPSHOT", "RESTORE")
        for stream in STREAMS
    },
    # storage reads what it stores anyhow
    **{f"$JS.API.STREAM.MSG.GET.{stream}": STORE if stream in STORED else ADMIN for stream in STREAMS},
    # storage makes room where it stores, and nowhere else
    **{f"$JS.API.STREAM.PURGE.{stream}": STORE if stream in STORED else ADMIN for stream in STREAMS},
    # the durable consumer is read by storage and made by the administrator
    **{f"$JS.API.CONSUMER.LIST.{stream}": STORE if stream in STORED else ADMIN for stream in STREAMS},
    **{f"$JS.API.CONSUMER.NAMES.{stream}": ADMIN for stream in STREAMS},
    **{f"$JS.API.CONSUMER.{verb}.{stream}.storage-hot": STORE for verb in ("INFO", "MSG.NEXT") for stream in STORED},
    **{
        f"$JS.API.CONSUMER.{verb}.{stream}.{name}": ADMIN
        for verb, name in (
            ("CREATE", "storage-hot"),
            ("DURABLE.CREATE", "storage-hot"),
            ("CREATE", "somebody"),
            ("MSG.NEXT", "somebody"),
            ("DELETE", "somebody"),
            ("PAUSE", "storage-hot"),
        )
        for stream in STORED
    },
    **{f"$JS.ACK.{stream}.storage-hot.1.1.1.1.0": {"storage"} for stream in STORED},
    **{f"$JS.ACK.{stream}.somebody.1.1.1.1.0": set() for stream in STORED},
    # storage's own, for reading again
    **{
        f"$JS.API.CONSUMER.{verb}.{stream}.storage-rewind": STORE
        for verb in ("CREATE", "INFO", "MSG.NEXT", "DELETE")
        for stream in STORED
    },
    f"$JS.API.CONSUMER.CREATE.{DEAD_LETTERS}.storage-rewind": ADMIN,
    # last, for it is done
    **{f"$JS.API.CONSUMER.DELETE.{stream}.storage-hot": ADMIN for stream in STORED},
    **{f"$JS.API.STREAM.DELETE.{stream}": ADMIN for stream in STREAMS},
}
"""Subjects in the order in which they are asked, and the users who may."""

MAY_HEAR: dict[str, set[str]] = {
    **{f"_INBOX.{user}.>": {user} for user in NATS_USERS},
    **{
        subject: set()
        for subject in (">", "_INBOX.>", "trade.>", "dead_letter.>", "$JS.API.>", "$JS.EVENT.>", "$SYS.>")
    },
}


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("user", NATS_USERS)
async def test_a_user_may_do_its_job_and_nothing_else(nats_server: NatsServer, user: str) -> None:
    client = await connect(nats_server, user)
    refused: set[str] = set()
    answered: set[str] = set()

    async def on_error(error: Exception) -> None:
        refused.update(re.findall(r'permissions violation for (?:publish|subscription) to "([^"]+)"', str(error)))

    async def on_answer(message: object) -> None:
        _, _, number = message.subject.rpartition(".")
        if number.isdigit():  # and no message of a stream, which comes under its own subject
            answered.add(subjects[int(number)])

    client._error_cb = on_error
    subjects = list(MAY)
    try:
        await client.subscribe(f"_INBOX.{user}.answers.*", cb=on_answer)
        for number, subject in enumerate(subjects):
            await client.publish(subject, b"", reply=f"_INBOX.{user}.answers.{number}")
        for subject in MAY_HEAR:
            await client.subscribe(subject)
        await client.flush()
        await asyncio.sleep(0.5)
    finally:
        await client.close()
    assert refused == {s.lower() for s, users in (MAY | MAY_HEAR).items() if user not in users}
    # whoever may ask JetStream is answered, be it that the request lacks what an empty one lacks
    api = {subject for subject, users in MAY.items() if user in users and subject.startswith("$JS.API.")}
    assert {subject for subject in api if ".MSG.NEXT." not in subject} <= answered
    assert answered <= {subject for subject, users in MAY.items() if user in users}
