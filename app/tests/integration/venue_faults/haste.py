"""The collector's long waits, shortened: minutes and hours become seconds, everything else is as it is installed."""

TRADE_SECONDS, BOOK_SECONDS = 12, 8
"""Silence after which a feed is stale; the contract's are 45 and 20."""
REFUSED_SECONDS = 10
"""Wait after a refusal that names no time; else five minutes where blocked, one where limited."""
RENEWAL_SECONDS = 12
"""Between two renewals of one connection; else three minutes."""
REFRESH_SECONDS = 15
"""Between two looks at the list of instruments; else an hour."""

PRELUDE = f"""
import dataclasses
from marketprism.contract.catalog import DATA_TYPES
limits = {{"trade": {TRADE_SECONDS}, "orderbook": {BOOK_SECONDS}, "orderbook_delta": {BOOK_SECONDS}}}
for name, seconds in limits.items():
    DATA_TYPES[name] = dataclasses.replace(DATA_TYPES[name], freshness_seconds=seconds)
from marketprism.collector import state
state.BLOCKED_WAIT_SECONDS = state.LIMITED_WAIT_SECONDS = {REFUSED_SECONDS}.0
from marketprism.collector import renewal, venue
renewal.FIRST_SECONDS, venue.REFRESH_SECONDS = {RENEWAL_SECONDS}.0, {REFRESH_SECONDS}.0
"""
"""Runs before the collector."""
