"""The seam to a Kubernetes API server: raw answers in, nothing else. The simulated world plugs in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

MEBIBYTE = 1024 * 1024
DEFAULT_LIMIT = 64 * MEBIBYTE
"""Bytes of one answer that are read at most: some 8,000 whole pods, far above one page of 500 objects."""


@dataclass(frozen=True, slots=True)
class KubeAnswer:
    """What the API server answered, whatever it was.

    Attributes:
        status: the HTTP status code.
        body: the body, decompressed; never longer than the limit that was asked for.
        headers: the answer's headers; names are in lower case.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class KubeTransport(Protocol):
    """Reads from one API server. A watched cluster is never written to, so there is no other verb."""

    async def get(self, path: str, params: Mapping[str, str], *, limit_bytes: int = DEFAULT_LIMIT) -> KubeAnswer:
        """GET ``path`` (which begins with ``/``) and return the answer, error statuses included.

        Args:
            path: below the API server's base URL, such as ``/api/v1/pods``.
            params: the query, not yet quoted.
            limit_bytes: how long a body may be.

        Raises:
            Unreachable: the connection was refused or broke, or the answer did not come in time.
            Transient: with cause LOCAL for trouble on our side (name resolution, TLS trust, proxy); with cause
                UNREADABLE for a body longer than ``limit_bytes``.
            Unauthorised: we have no usable credentials (no such kubeconfig or context, an exec plugin that fails).
        """

    async def close(self) -> None:
        """Let go of connections; closing twice is no error."""
