"""Both languages say the same things."""

import re

import pytest

from marketprism.ops.doctor.catalogue import PROBLEMS, Hop
from marketprism.ops.doctor.findings import Certainty
from marketprism.ops.doctor.texts.languages import PHRASES, WORDS, Language
from marketprism.ops.doctor.verdict import State


@pytest.mark.parametrize("language", Language)
def test_every_problem_has_its_words_in_every_language(language: Language) -> None:
    assert list(WORDS[language]) == list(PROBLEMS)
    for words in WORDS[language].values():
        assert words.title
        assert words.symptom
        assert words.remedy


@pytest.mark.parametrize("language", Language)
def test_every_state_hop_and_certainty_has_a_phrase(language: Language) -> None:
    phrases = PHRASES[language]
    assert set(phrases.verdicts) == {state.value for state in State}
    assert set(phrases.hops) == {hop.value for hop in Hop}
    assert set(phrases.certainties) == {certainty.value for certainty in Certainty}


def test_the_chinese_titles_are_chinese_and_those_of_the_guide() -> None:
    titles = {name: words.title for name, words in WORDS[Language.CHINESE].items()}
    assert titles["nats-down"] == "NATS Server 无法启动"
    assert titles["orderbooks-empty"] == "订单簿数据为空"
    assert all(re.search(r"[\u4e00-\u9fff]", title) for title in titles.values())
