"""The web application on a port of its own, in a thread, showing whatever status a test hands to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn

from monitor.model.status import Status
from monitor.observe.clock import SystemClock
from monitor.report.document import document, encode
from monitor.report.metrics import render
from monitor.web.app import app
from monitor.web.publisher import Publisher


@dataclass
class Site:
    publisher: Publisher
    url: str
    complaints: list[str] = field(default_factory=list)

    def show(self, status: Status) -> None:
        self.publisher.publish(status, encode(document(status)), render(status))


@contextmanager
def serving() -> Iterator[Site]:
    publisher = Publisher()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app(publisher, SystemClock()), log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Site(publisher, f"http://127.0.0.1:{listener.getsockname()[1]}/")
    finally:
        publisher.close()
        server.should_exit = True
        thread.join()
        listener.close()
