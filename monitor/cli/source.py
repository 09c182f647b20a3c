"""Where commands that look get the daemon's newest view: its store, or its HTTP API."""

import asyncio
import time
from pathlib import Path

import msgspec

from monitor.cli.options import load_settings
from monitor.model.errors import Permanent, Transient
from monitor.model.ports import Store
from monitor.model.settings import Settings
from monitor.observe.clock import SystemClock
from monitor.report.document import decode
from monitor.report.shapes import StatusDocument


def newest(config: Path | None, url: str) -> StatusDocument:
    """The daemon's newest status document.

    Raises:
        MonitorError: when there is none, with what to do about it.
    """
    return asyncio.run(_over_http(url) if url else _from_store(load_settings(config)))


def open_store(settings: Settings) -> Store:
    """The store that the daemon of this configuration writes.

    Raises:
        Permanent: when there is no such file yet.
    """
    from monitor.store.sqlite import SqliteStore  # noqa: PLC0415 - `--help` need not load it

    return SqliteStore.open(settings.store_path, SystemClock(), must_exist=True)


def age(document: StatusDocument) -> float:
    """Seconds since the daemon wrote the document."""
    return max(0.0, time.time() - document.at)


async def _from_store(settings: Settings) -> StatusDocument:
    store = open_store(settings)
    try:
        published = await store.published()
    finally:
        await store.close()
    if published is None:
        raise Transient(f"the store {settings.store_path} holds no status yet; is the daemon running?")
    return _decoded(published[1], f"the store {settings.store_path}")


async def _over_http(url: str) -> StatusDocument:
    from monitor.observe.http import HttpClient  # noqa: PLC0415 - only this option needs it

    if not url.startswith(("http://", "https://")):
        raise Permanent(f"--url {url!r} is no address such as http://host:9630")
    http = HttpClient(url.rstrip("/"), timeout=10.0)
    try:
        answer = await http.request("GET", "/api/v1/status")
    finally:
        await http.close()
    if answer.status == 503:
        raise Transient(f"{url} has no status yet: {answer.body.decode(errors='replace').strip()[:200]}")
    if answer.status != 200:
        raise Transient(f"{url} answered {answer.status}; it is no arc-monitor")
    return _decoded(answer.body, url)


def _decoded(data: bytes, place: str) -> StatusDocument:
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Permanent(f"{place} holds no status that this version can read; is it of the same version?") from None
