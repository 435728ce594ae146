"""What a full look at health adds, once a week: all that the doctor knows, and an audit of the last seven days."""

import time

from marketprism.errors import MarketPrismError
from marketprism.ops.audit import audit
from marketprism.ops.doctor import report, site
from marketprism.ops.doctor.gather import Gatherer
from marketprism.ops.doctor.texts.languages import Language
from marketprism.ops.doctor.verdict import judge
from marketprism.ops.sequences import Window
from marketprism.settings import Settings

AUDITED_SECONDS = 7 * 86_400


async def problems(settings: Settings) -> list[str]:
    """Return one sentence per finding; empty when all is well."""
    diagnosis = judge(await Gatherer().gather(site.find()))
    found = [f"doctor: {report.summary(diagnosis, Language.ENGLISH)}"] if diagnosis.exit_code else []
    now_us = time.time_ns() // 1000
    try:
        audited = await audit(settings, Window(settings.source, now_us - AUDITED_SECONDS * 1_000_000, now_us))
    except MarketPrismError as error:
        return [*found, f"audit: {error}"]
    return [*found, *(f"audit: {sentence}" for sentence in audited.differences)]
