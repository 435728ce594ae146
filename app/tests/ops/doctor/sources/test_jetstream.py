"""The monitor's answer, understood."""

from marketprism.ops.doctor.sources import jetstream

JSZ = {
    "now": "2026-11-24T14:36:17.333589564Z",
    "account_details": [
        {
            "stream_detail": [
                {
                    "name": "MARKET_DATA",
                    "config": {"max_bytes": 107374182},
                    "state": {
                        "messages": 300,
                        "bytes": 137100,
                        "first_ts": "2026-11-24T14:35:17.333589564Z",
                        "last_ts": "2026-11-24T14:36:16.833589564Z",
                    },
                    "consumer_detail": [
                        {
                            "name": "storage-hot",
                            "ack_floor": {"stream_seq": 12, "last_active": "2026-11-24T14:36:07.333589564Z"},
                            "num_ack_pending": 7,
                            "num_pending": 300,
                        }
                    ],
                },
                {
                    "name": "ORDERBOOK_SNAP",
                    "config": {"max_bytes": -1},
                    "state": {"messages": 0, "bytes": 0, "last_ts": "0001-01-01T00:00:00Z"},
                    "consumer_detail": [{"name": "storage-hot", "ack_floor": {"stream_seq": 0}}],
                },
            ]
        }
    ],
}


def test_streams_are_read_with_ages_and_consumers() -> None:
    stream = jetstream.streams(JSZ)["MARKET_DATA"]
    assert (stream.messages, stream.bytes, stream.max_bytes) == (300, 137100, 107374182)
    assert (stream.newest_seconds, stream.oldest_seconds) == (0.5, 60.0)
    (consumer,) = stream.consumers
    assert (consumer.pending, consumer.unacknowledged, consumer.idle_seconds) == (300, 7, 10.0)


def test_an_empty_stream_has_no_ages_and_an_unlimited_one_no_limit() -> None:
    stream = jetstream.streams(JSZ)["ORDERBOOK_SNAP"]
    assert (stream.newest_seconds, stream.max_bytes, stream.consumers[0].idle_seconds) == (None, 0, None)


def test_a_server_without_streams_has_none() -> None:
    assert jetstream.streams({"now": "2026-11-24T14:36:17Z"}) == {}
