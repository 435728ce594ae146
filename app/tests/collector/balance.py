"""Every event that a publisher received is somewhere."""

from marketprism.collector.publisher import Publisher


def balances(publisher: Publisher) -> bool:
    count = publisher.counters
    accounted = count.published + count.coalesced + count.refused + publisher.spooled + publisher.in_flight
    return count.received == accounted
