"""What is open about an exchange is asked, and an address that is no exchange spoils nothing."""

import re

import pytest

from marketprism.collector.proxies import Proxies
from marketprism.collector.questions import ask
from tests.collector.simulated import exchange, reached

SILENT = "btcusdt@trade on /public: silent; btcusdt@depth@0ms on /public: silent"
ANSWERS = {
    "binance-spot": ["5", "not asked: the configured address is not Binance's own"],
    "binance-usdm": ["1", f"{SILENT}; {SILENT.replace('public', 'market')}", r"the newest .* stamped \d+ s ago"],
    "okx-spot": [],
    "okx-swap": [r"the newest bar of 5 minutes is stamped \d+ s ago"],
    "deribit": ["1 of 1 accepted", "silent", "not answered: 400, .*get_volatility_index_data.*"],
}
"""The simulated Deribit has one perpetual of Bitcoin, no ``agg2`` and no history of its index."""


@pytest.mark.parametrize("venue", ANSWERS)
async def test_each_question_gets_the_answer_of_the_exchange(venue: str) -> None:
    async with exchange(venue) as settings:
        found = [each.answer for each in await ask(venue, settings, Proxies(), 0.3)]
    assert len(found) == len(ANSWERS[venue])
    for pattern, answer in zip(ANSWERS[venue], found, strict=True):
        assert re.fullmatch(pattern, answer), answer


@pytest.mark.parametrize("venue", [venue for venue, answers in ANSWERS.items() if answers])
async def test_an_address_where_nobody_is_leaves_every_question_unanswered(venue: str) -> None:
    found = await ask(venue, reached(venue, "127.0.0.1:1"), Proxies(), 0.3)
    answers = [each.answer for each in found if not each.answer.startswith("not asked")]
    assert answers
    assert all(answer.startswith("not answered: Cannot connect") for answer in answers), answers


async def test_a_subscription_that_is_not_answered_in_time_is_told() -> None:
    async with exchange("deribit") as settings:
        first, *_ = await ask("deribit", settings, Proxies(), 0.0)
    assert first.answer == "silent"
