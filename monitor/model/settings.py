"""The whole configuration as values: the fleet, and how to reach everything. Durations are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.model.fleet import Fleet
from monitor.model.urls import GitHubUrl


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """How to reach one cluster's API.

    Attributes:
        kubeconfig: path of a kubeconfig; empty means the usual places (``KUBECONFIG``, ``~/.kube/config``).
        context: name of the kubeconfig's context; empty means its current one.
        in_cluster: use the pod's own service account instead of a kubeconfig.
        controller_namespace: where the ARC controller and its listeners live; empty means look everywhere.
        runner_namespaces: where the AutoscalingRunnerSets live; empty means look everywhere.
    """

    name: str
    kubeconfig: str = ""
    context: str = ""
    in_cluster: bool = False
    controller_namespace: str = ""
    runner_namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppKey:
    """A GitHub App installation that we may act as. ``app`` is its client id (preferred) or app id."""

    app: str
    installation: int
    private_key_file: str


@dataclass(frozen=True, slots=True)
class GitHubAccess:
    """How to reach one organisation on one GitHub. Exactly one of ``token_file``, ``token_env``, ``app`` is set.

    Attributes:
        sentinel_repositories: names (without owner) of repositories whose waiting jobs are watched.
        ca_file: PEM bundle for a GHES with its own authority; empty means the system's.
    """

    name: str
    url: GitHubUrl
    token_file: str = ""
    token_env: str = ""
    app: AppKey | None = None
    ca_file: str = ""
    sentinel_repositories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusPageAccess:
    """GitHub's status page. ``url`` empty means off (GHES has none); ``components`` are ids or names."""

    url: str = "https://www.githubstatus.com"
    components: tuple[str, ...] = ("br0l2tvcx85d", "brv1bkgrwx7q")
    poll: float = 60.0


@dataclass(frozen=True, slots=True)
class AlertmanagerAccess:
    """Alertmanagers that get new and resolved verdicts; every peer is told, as Alertmanager asks for."""

    urls: tuple[str, ...] = ()
    token_file: str = ""
    ca_file: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    page_url: str = ""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where metrics, API and page are served."""

    host: str = "127.0.0.1"
    port: int = 9630


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How we log: ``format`` is ``console`` or ``json``."""

    level: str = "info"
    format: str = "console"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a configuration file says.

    Attributes:
        source: path of the file, for messages.
        store_path: the SQLite file.
    """

    source: str
    fleet: Fleet
    clusters: Mapping[str, ClusterAccess]
    connections: Mapping[str, GitHubAccess]
    status_page: StatusPageAccess
    alertmanager: AlertmanagerAccess
    web: WebSettings
    log: LogSettings
    store_path: str
