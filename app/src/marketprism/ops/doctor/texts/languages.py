"""Which texts belong to a language."""

from enum import StrEnum

from marketprism.ops.doctor.texts import chinese, english
from marketprism.ops.doctor.texts.words import Phrases, Words


class Language(StrEnum):
    """Languages of the report."""

    ENGLISH = "en"
    CHINESE = "zh"


WORDS: dict[Language, dict[str, Words]] = {Language.ENGLISH: english.WORDS, Language.CHINESE: chinese.WORDS}
PHRASES: dict[Language, Phrases] = {Language.ENGLISH: english.PHRASES, Language.CHINESE: chinese.PHRASES}
