"""What ARC's listener writes, release by release (``actions/scaleset`` client from 0.14 on, zap before)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

_TYPES = "GitHub.Actions.Runtime.WebApi"


@dataclass(frozen=True)
class ListenerTexts:
    """The lines of one release.

    Attributes:
        version: such as ``0.14.2``.
        service: base URL of the Actions service, for the lines that quote it.
    """

    version: str
    service: str

    @cached_property
    def modern(self) -> bool:
        """Whether the listener is the one of 0.14 and later."""
        return tuple(int(part) for part in self.version.split(".")[:2]) >= (0, 14)

    def info(self, at: float, text: str, **pairs: object) -> str:
        """Return an ordinary line on stdout, in the format ``text``."""
        instant = datetime.fromtimestamp(at, UTC)
        if self.modern:
            tail = "".join(f" {key}={value}" for key, value in pairs.items())
            stamp = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            return f'time={stamp} level=INFO source=/listener/listener.go:179 msg="{text}" component=listener{tail}'
        body = ", ".join(f'"{key}": {value}' for key, value in pairs.items())
        stamp = instant.strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"{stamp}\tINFO\tlistener-app.listener\t{text}\t{{{body}}}"

    def fatal(self, at: float, chain: str) -> str:
        """Return the last line on stderr, the same form in every release."""
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d %H:%M:%S")
        return f"{stamp} Application returned an error: {chain}"

    def conflict(self, name: str, scale_set_id: int) -> str:
        """Return the error chain of a session conflict."""
        kind = f"{_TYPES}.RunnerScaleSetSessionConflictException, {_TYPES}"
        return self._session(scale_set_id, 409, "Conflict", kind, f"{_subject(name)} already has an active session.")

    def not_found(self, scale_set_id: int) -> str:
        """Return the error chain for a scale set that GitHub does not know any more."""
        kind = f"{_TYPES}.RunnerScaleSetNotFoundException, {_TYPES}"
        text = f"No runner scale set found with identifier {scale_set_id}."
        return self._session(scale_set_id, 404, "Not Found", kind, text)

    def _session(self, scale_set_id: int, status: int, phrase: str, kind: str, text: str) -> str:
        if self.modern:
            url = f"{self.service}_apis/runtime/runnerscalesets/{scale_set_id}/sessions?api-version=6.0-preview"
            return (
                "failed to create actions message session client: failed to create message session: "
                f'failed to do the session request: request POST {url} failed(status="{status} {phrase}", '
                f'activity_id="00000000-0000-0000-0000-000000000000"): unexpected status code {status} {phrase}: '
                f"{kind}: {text}"
            )
        return (
            "createSession failed: failed to create session: failed to do the session request: "
            f'actions error: StatusCode {status}, AcivityId "": {kind}: {text}'
        )

    def credentials(self, api: str, organization: str) -> str:
        """Return the error chain for a token that GitHub refuses."""
        url = f"{api}/orgs/{organization}/actions/runners/registration-token"
        if self.modern:
            return (
                "failed to create actions message session client: failed to create message session: failed to refresh "
                "admin connection: failed to get registration token: "
                f'request POST {url} registration-token failed(status="401 Unauthorized"): Bad credentials'
            )
        return 'createSession failed: github api error: StatusCode 401, RequestID "SIM:1": Bad credentials'

    def network(self, status: int) -> str:
        """Return the error chain for a service that does not answer, or answers with 5xx, five times over."""
        why = f"(status: {status})" if status else "dial tcp: connection refused"
        url = f"{self.service}_apis/runtime/runnerscalesets"
        return f"failed to do the request: POST {url} giving up after 5 attempt(s): {why}"

    def cut_short(self) -> str:
        """Return the error chain of a listener that got an empty answer to its long poll."""
        return "failed to get message: failed to decode runner scale set message response: EOF"

    def shutdown(self) -> str:
        """Return the error chain of a listener that was told to stop."""
        if self.modern:
            return f"failed to get message: GET {self.service}message giving up after 1 attempt(s): context canceled"
        return "http: Server closed"


def _subject(name: str) -> str:
    return f"The actions runner scaleset {name}"
