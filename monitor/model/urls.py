"""The URL forms of GitHub: github.com, data-residency tenants (ghe.com) and GitHub Enterprise Server.

The rules are those of ARC's own client (``actions/scaleset`` config.go), so that what works for a scale set's
``githubConfigUrl`` works here.
"""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

_HOSTED = frozenset({"github.com", "www.github.com", "github.localhost"})


class Scope(StrEnum):
    """At which level a URL points."""

    ORGANIZATION = "organization"
    REPOSITORY = "repository"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class GitHubUrl:
    """A parsed ``githubConfigUrl``.

    Attributes:
        api: base URL of the REST API, without a trailing slash.
        scope: the level; ``owner`` is the organisation, the repository's owner, or the enterprise's slug.
        repository: name of the repository for a repository URL, else empty.
        hosted: github.com or a ghe.com tenant; False for GHES.
    """

    url: str
    host: str
    api: str
    scope: Scope
    owner: str
    repository: str = ""
    hosted: bool = True

    @classmethod
    def parse(cls, url: str) -> "GitHubUrl":
        """Parse ``https://host/org``, ``https://host/owner/repo`` or ``https://host/enterprises/slug``.

        Raises:
            ValueError: with one sentence, when the URL has none of these forms.
        """
        parts = urlsplit(url.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL such as https://github.com/my-org")
        names = [name for name in parts.path.split("/") if name]
        host = parts.hostname.lower()
        hosted = host in _HOSTED or host.endswith(".ghe.com")
        api_host = parts.netloc.removeprefix("www.") if hosted else parts.netloc
        api = f"{parts.scheme}://api.{api_host}" if hosted else f"{parts.scheme}://{parts.netloc}/api/v3"
        match names:
            case ["enterprises", slug]:
                return cls(url, host, api, Scope.ENTERPRISE, slug, "", hosted)
            case [owner]:
                return cls(url, host, api, Scope.ORGANIZATION, owner, "", hosted)
            case [owner, repository]:
                return cls(url, host, api, Scope.REPOSITORY, owner, repository, hosted)
        raise ValueError(f"{url!r} names no organisation, repository or enterprise")
