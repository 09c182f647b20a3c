"""The seam to the simulated clusters within one process. GitHub's seam takes an ASGI application as it is."""

from collections.abc import Mapping

from monitor.model.errors import Transient, Unreachable
from monitor.model.signal import UnknownCause
from monitor.observe.kubernetes.transport import DEFAULT_LIMIT, KubeAnswer
from monitor.sim.kube_api import PATIENCE, KubeApi


class InProcessKube:
    """Speaks to a simulated cluster's API without a network; implements ``KubeTransport``.

    Args:
        app: the cluster's API.
        token: bearer token; the cluster's own if not given.
        timeout: seconds that we would wait for an answer.
    """

    def __init__(self, app: KubeApi, *, token: str | None = None, timeout: float = PATIENCE) -> None:
        self._app = app
        self._token = app.cluster.token if token is None else token
        self._timeout = timeout

    async def get(self, path: str, params: Mapping[str, str], *, limit_bytes: int = DEFAULT_LIMIT) -> KubeAnswer:
        """Return the answer of the simulated API server.

        Raises:
            Unreachable: it refuses connections, or is slower than ``timeout``.
            Transient: the answer is longer than ``limit_bytes``.
        """
        if self._app.cluster.doors.slow >= self._timeout:
            raise Unreachable(f"{self._app.cluster.name} did not answer within {self._timeout:g} s")
        try:
            reply = self._app.get(path, params, self._token)
        except ConnectionRefusedError as refusal:
            raise Unreachable(str(refusal)) from refusal
        if len(reply.body) > limit_bytes:
            raise Transient(f"the answer is longer than {limit_bytes} bytes", cause=UnknownCause.UNREADABLE)
        return KubeAnswer(reply.status, reply.body, {"content-type": reply.content_type})

    async def close(self) -> None:
        """Nothing to let go of."""
