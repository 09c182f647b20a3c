"""Credentials: where a token comes from, and when a new one is due. Secrets stay out of every repr and error text.

An App's installation token is asked for with no more rights than its use needs: reading needs no write token, so one
that leaks from the monitor lane can't move a gate.
"""

import asyncio
import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import jwt
import msgspec

from monitor.model.errors import MonitorError, Permanent, Transient, Unauthorised
from monitor.model.ports import Clock
from monitor.model.settings import AppKey, GitHubAccess
from monitor.model.signal import UnknownCause
from monitor.observe.github.answers import error_of
from monitor.observe.github.github_time import GitHubTime
from monitor.observe.http import HttpClient

HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}

_REFRESH_AHEAD = 600.0
_JWT_BACKDATE = 60
_JWT_LIFE = 540


class Rights(StrEnum):
    """What a token is for."""

    READ = "read"
    WRITE = "write"


class Credentials(Protocol):
    """A source of tokens."""

    async def token(self, rights: Rights) -> str:
        """A token that is good as far as we know.

        Raises:
            Unauthorised: there is none to be had; the text says what to mend.
            Transient: GitHub can't give one now.
        """

    async def renew(self, rights: Rights, refused: str) -> str:
        """A token in place of one that GitHub refused; the same one when there is no other. Raises as ``token``."""


def credentials(access: GitHubAccess, http: HttpClient, clock: Clock, time: GitHubTime) -> Credentials:
    """The credentials that a connection is configured with."""
    if access.app is not None:
        return AppCredentials(access, access.app, http, clock, time)
    if access.token_file:
        return TokenFile(access.token_file)
    return TokenVariable(access.token_env)


class TokenFile:
    """A token in a file that somebody else renews, such as a mounted Kubernetes Secret."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._stamp: tuple[int, int, int] | None = None
        self._token = ""

    def __repr__(self) -> str:
        return f"TokenFile({str(self._path)!r})"

    async def token(self, rights: Rights) -> str:  # noqa: ARG002 - one token for everything
        """The file's token, read again when the file has changed."""
        return self._read()

    async def renew(self, rights: Rights, refused: str) -> str:  # noqa: ARG002 - the file alone decides
        """The file's token, read again in any case."""
        self._stamp = None
        return self._read()

    def _read(self) -> str:
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._stamp:
                self._token = _checked(self._path.read_text(encoding="utf-8"), f"token file {self._path}")
                self._stamp = stamp
        except OSError as error:
            raise Unauthorised(f"token file {self._path} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Unauthorised(f"token file {self._path} holds no token") from None
        return self._token


class TokenVariable:
    """A token in an environment variable."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"TokenVariable({self._name!r})"

    async def token(self, rights: Rights) -> str:  # noqa: ARG002 - one token for everything
        """The variable's token."""
        return _checked(os.environ.get(self._name, ""), f"environment variable {self._name}")

    async def renew(self, rights: Rights, refused: str) -> str:  # noqa: ARG002 - there is only this one
        """The same token."""
        return await self.token(rights)


@dataclass(frozen=True, slots=True)
class _Installed:
    """An installation token; ``expires_at`` by GitHub's clock."""

    token: str = field(repr=False)
    expires_at: float


class _Minted(msgspec.Struct):
    token: str
    expires_at: datetime


class AppCredentials:
    """A GitHub App: its key signs a JWT, the JWT buys a token of an hour, once for everybody who waits for one."""

    def __init__(self, access: GitHubAccess, key: AppKey, http: HttpClient, clock: Clock, time: GitHubTime) -> None:
        self._key = key
        self._http = http
        self._clock = clock
        self._time = time
        self._asked = {
            Rights.READ: _reading(access),
            Rights.WRITE: {"organization_self_hosted_runners": "write"},
        }
        self._held: dict[Rights, _Installed] = {}
        self._locks = {rights: asyncio.Lock() for rights in Rights}

    def __repr__(self) -> str:
        return f"AppCredentials(app={self._key.app!r}, installation={self._key.installation})"

    async def token(self, rights: Rights) -> str:
        """The installation's token; a new one ten minutes before the old one ends."""
        async with self._locks[rights]:
            held = self._held.get(rights)
            left = held.expires_at - self._time.now() if held else 0.0
            if held is None or left < _REFRESH_AHEAD:
                try:
                    held = self._held[rights] = await self._mint(rights)
                except Transient:
                    # The old token still works: a refresh that fails early must not blind us.
                    if held is None or left <= 0:
                        raise
            return held.token

    async def renew(self, rights: Rights, refused: str) -> str:
        """A new token, unless somebody fetched one meanwhile."""
        async with self._locks[rights]:
            held = self._held.get(rights)
            if held is None or held.token == refused:
                self._held.pop(rights, None)
                held = self._held[rights] = await self._mint(rights)
            return held.token

    async def _mint(self, rights: Rights) -> _Installed:
        what = f"a token for App {self._key.app}, installation {self._key.installation}"
        reckoned = self._time.skew
        try:
            try:
                return await self._ask(rights, what)
            except Unauthorised:
                if self._time.skew is None or abs(self._time.skew - (reckoned or 0.0)) < _JWT_BACKDATE / 2:
                    raise
            return await self._ask(rights, what)  # The refusal told us GitHub's time, by which the JWT was wrong.
        except Permanent as error:
            raise Unauthorised(str(error)) from None

    async def _ask(self, rights: Rights, what: str) -> _Installed:
        sent_at = self._clock.now()
        response = await self._http.request(
            "POST",
            f"/app/installations/{self._key.installation}/access_tokens",
            headers={**HEADERS, "authorization": f"Bearer {self._sign()}"},
            json={"permissions": self._asked[rights]},
        )
        self._time.learn(response, sent_at)
        error: MonitorError | None = error_of(response, what, github_now=self._time.now())
        if error is not None:
            raise error
        try:
            minted = msgspec.json.decode(response.body, type=_Minted)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Transient(f"{what}: the answer can't be read", cause=UnknownCause.UNREADABLE) from None
        return _Installed(_checked(minted.token, what), minted.expires_at.timestamp())

    def _sign(self) -> str:
        path = Path(self._key.private_key_file)
        now = int(self._time.now())
        claims = {"iat": now - _JWT_BACKDATE, "exp": now + _JWT_LIFE, "iss": self._key.app}
        try:
            return jwt.encode(claims, path.read_bytes(), algorithm="RS256")
        except OSError as error:
            raise Unauthorised(f"private key {path} of App {self._key.app} can't be read: {error.strerror}") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthorised(f"private key {path} of App {self._key.app} is no unencrypted RSA key in PEM") from None


def _reading(access: GitHubAccess) -> dict[str, str]:
    """The least that looking needs; runs and jobs only where somebody asked for them."""
    asked = {"organization_self_hosted_runners": "read"}
    return asked | {"actions": "read", "metadata": "read"} if access.sentinel_repositories else asked


def _checked(text: str, source: str) -> str:
    """The token in ``text``: one printable word, or it would not survive as a header."""
    token = text.strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise Unauthorised(f"{source} holds no token")
    return token
