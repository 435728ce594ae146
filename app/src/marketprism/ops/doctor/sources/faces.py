"""What the services answer over HTTP."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from marketprism.ops.doctor.evidence import Face

ANSWER_SECONDS = 3.0
_SHOWN = 500


async def ask(http: aiohttp.ClientSession, url: str) -> Face:
    """Ask one address; whoever does not answer in time is silent."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS), http.get(url) as answer:
            text = await answer.text()
            return Face(url=url, status=answer.status, body=_object(text), text=text[:_SHOWN])
    except TimeoutError:
        return Face(url=url, error=f"nothing within {ANSWER_SECONDS:.0f} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Face(url=url, error=str(error) or type(error).__name__)


async def ask_all(http: aiohttp.ClientSession, urls: Mapping[str, str]) -> dict[str, Face]:
    """Ask all addresses at once."""
    answers = await asyncio.gather(*(ask(http, url) for url in urls.values()))
    return dict(zip(urls, answers, strict=True))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
