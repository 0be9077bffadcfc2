"""Coroutine functions as tasks: run to completion. Imported when there is one, since asyncio takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def completed(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns, also where this thread is in the middle of an event loop, as notebooks are."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
