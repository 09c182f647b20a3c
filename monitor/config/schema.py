"""The configuration file as pydantic models: every key, what it means and what it is unless written.

The descriptions are the documentation: the commented example, the JSON schema and the messages for missing keys are
made from them. Values come from ``positions`` as text, so that a name such as ``on`` or ``0123`` stays a name.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from monitor.config.fields import (
    Duration,
    EnvironmentName,
    FilePath,
    LabelName,
    Listen,
    Name,
    PageUrl,
    PositiveDuration,
    PublicText,
    RepositoryName,
    Text,
    WebUrl,
)
from monitor.model.fleet import Mode, Order, Policy, Serve, Thresholds, Timing
from monitor.model.settings import LogSettings, StatusPageAccess, WebSettings

_POLICY = Policy()
_TIMING = Timing()
_THRESHOLDS = Thresholds()
_STATUS_PAGE_ACCESS = StatusPageAccess()
_WEB_SETTINGS = WebSettings()
_LOG_SETTINGS = LogSettings()


class Section(BaseModel):
    """A mapping in the file: it has the keys that are declared and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_unwritten(cls, value: Any) -> Any:
        """A key with nothing after it counts as not written, as when every line below it is commented out."""
        if value is None:
            return {}
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value


def _off(value: Any) -> Any:
    return {"url": ""} if value == "off" else value


class AppSection(Section):
    """A GitHub App."""

    id: Text = Field(description="the App's client id (Iv23...), or its app id")
    installation: int = Field(gt=0, description="id of its installation in the organisation")
    private_key_file: FilePath = Field(description="PEM file with its private key")


class GitHubSection(Section):
    """One organisation on one GitHub."""

    url: PublicText = Field(
        description="The organisation: https://github.com/acme, https://acme.ghe.com/acme, or https://ghes.example/acme."
    )
    token_file: FilePath | None = Field(
        default=None,
        description="How to sign in; exactly one of token_file, token_env and app. A file with a token, read again when"
        " it changes.",
        examples=["/etc/arc-monitor/token"],
    )
    token_env: EnvironmentName | None = Field(
        default=None, description="Environment variable that holds a token.", examples=["GITHUB_TOKEN"]
    )
    app: AppSection | None = Field(
        default=None,
        description="A GitHub App: id (its client id or app id), installation (its id in the organisation) and"
        " private_key_file (PEM).",
        examples=[{"id": "Iv23liExample", "installation": 12345678, "private_key_file": "/etc/arc-monitor/app.pem"}],
    )
    sentinel_repositories: tuple[RepositoryName, ...] = Field(
        default=(),
        description="Repositories whose waiting jobs are watched. They show whether users feel a fault, and an"
        " automatic switch needs to know that.",
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="PEM bundle for a GitHub Enterprise Server with its own authority; otherwise the system's.",
        examples=["/etc/arc-monitor/ghes-ca.pem"],
    )


class ClusterSection(Section):
    """One Kubernetes cluster with ARC in it."""

    region: Name | None = Field(
        default=None,
        description="Clusters of a region live and die together, and are promoted or drained together. Unless written:"
        " the cluster's name.",
    )
    kubeconfig: FilePath | None = Field(
        default=None,
        description="Unless written: the file that KUBECONFIG names, or ~/.kube/config.",
        examples=["~/.kube/config"],
    )
    context: Text | None = Field(
        default=None, description="Context of the kubeconfig. Unless written: its current one.", examples=["eu-west"]
    )
    in_cluster: bool = Field(
        default=False,
        description="Use the pod's own service account instead of a kubeconfig: for the cluster we run in.",
    )
    controller_namespace: Text | None = Field(
        default=None,
        description="Where the ARC controller and its listeners live. Unless written: every namespace is looked at.",
        examples=["arc-systems"],
    )
    runner_namespaces: tuple[Text, ...] = Field(
        default=(), description="Where the AutoscalingRunnerSets live. Unless written: every namespace is looked at."
    )


class PolicySection(Section):
    """What must hold before a pool is switched, and how fast that may repeat."""

    mode: Mode = Field(
        default=_POLICY.mode,
        description="observe: never writes. propose: a switch waits for 'arc-monitor approve'. auto: it switches by"
        " itself.",
    )
    serve: Serve = Field(
        default=_POLICY.serve,
        description="one: one member is open, the others stand by. all: every member is open, a sick one is shut.",
    )
    order: Order = Field(
        default=_POLICY.order,
        description="make-before-break opens the target first, so that jobs always have a place to run. fence-first"
        " shuts the source first, for jobs that must never run in two places.",
    )
    confirm_after: Duration = Field(
        default=_POLICY.confirm_after, description="A fault must last this long ...", examples=["2m"]
    )
    confirm_readings: int = Field(
        default=_POLICY.confirm_readings, ge=1, le=1000, description="... and be seen this often before it counts."
    )
    clear_after: Duration = Field(default=_POLICY.clear_after, description="A recovery must last this long ...")
    clear_readings: int = Field(
        default=_POLICY.clear_readings, ge=1, le=1000, description="... and be seen this often before it counts."
    )
    cooldown: Duration = Field(
        default=_POLICY.cooldown, description="No automatic switch of the pool for this long after one."
    )
    max_switches_per_day: int = Field(
        default=_POLICY.max_switches_per_day,
        ge=0,
        le=1000,
        description="At most so many automatic switches of the pool in 24 hours.",
    )
    proposal_expires: PositiveDuration = Field(
        default=_POLICY.proposal_expires, description="A proposal that nobody answers is dropped after this long."
    )
    verify_within: PositiveDuration = Field(
        default=_POLICY.verify_within,
        description="A job must start at the target within this time, or the switch ends as incomplete.",
    )


class MemberSection(Section):
    """A pool in a cluster."""

    cluster: Text = Field(description="one of the clusters above")
    runner_group: Text = Field(description="the runner group that its scale set belongs to: one for each cluster")
    scale_set: Text | None = Field(
        default=None, description="name of the scale set (runnerScaleSetName); unless written: the pool's name"
    )
    namespace: Text | None = Field(
        default=None, description="where its AutoscalingRunnerSet lies; unless written: any namespace"
    )
    eligible: bool = Field(default=True, description="false for a member that must never be a switch's target")


class PoolSection(PolicySection):
    """What a workflow asks for in ``runs-on``, served by one or more members."""

    github: Text | None = Field(
        default=None, description="Name of the connection above; may be left out when there is one.", examples=["acme"]
    )
    members: tuple[MemberSection, ...] = Field(
        min_length=1, description="Who serves the pool, in order of preference. The keys of a member:"
    )
    canary_repositories: tuple[RepositoryName, ...] = Field(
        default=(),
        description="Repositories that may use a member even while it is shut, so that a parked member can be tried.",
    )


class TimingSection(Section):
    """How often we look, how long we wait, and what counts as fresh."""

    poll: PositiveDuration = Field(
        default=_TIMING.poll, description="Between two polls of one cluster or GitHub connection."
    )
    cycle: PositiveDuration | None = Field(
        default=None, description="Between two judgements of what was seen. Unless written: poll / 3.", examples=["5s"]
    )
    request_timeout: PositiveDuration | None = Field(
        default=None,
        description="Of any one request to GitHub or a cluster. Unless written: 10s, or two thirds of poll if that is"
        " less.",
        examples=["10s"],
    )
    lease: PositiveDuration = Field(
        default=_TIMING.lease,
        description="How long leadership lasts unrenewed. At least poll + 2 x request_timeout, so that slow answers do"
        " not cost it.",
    )
    quiet_start: Duration | None = Field(
        default=None,
        description="No switch begins this soon after a start or a change of leader. Unless written: the longer of"
        " 3 x poll and lease + request_timeout.",
        examples=["70s"],
    )
    freshness: PositiveDuration | None = Field(
        default=None,
        description="What was seen longer ago counts as unknown. Unless written: 3 x poll.",
        examples=["45s"],
    )
    late: PositiveDuration | None = Field(
        default=None,
        description="A cycle this late, or a clock jump of this size, and we do not trust our own eyes for blind_hold."
        " Unless written: the longer of 2s and poll / 2.",
        examples=["7500ms"],
    )
    blind_hold: Duration | None = Field(
        default=None,
        description="How long a blind spell counts after it ended. Unless written: the longer of 30s and 2 x poll.",
        examples=["30s"],
    )


class ThresholdsSection(Section):
    """When a reading becomes a symptom."""

    churn_restarts: int = Field(
        default=_THRESHOLDS.churn_restarts, ge=2, le=1000, description="So many starts of a listener ..."
    )
    churn_window: PositiveDuration = Field(
        default=_THRESHOLDS.churn_window, description="... within this time are a crash loop."
    )
    listener_absent: PositiveDuration = Field(
        default=_THRESHOLDS.listener_absent, description="A listener without a pod for this long is missing."
    )
    listener_silent: PositiveDuration = Field(
        default=_THRESHOLDS.listener_silent,
        description="A running listener whose log has been still for this long hangs; it asks GitHub every 50 s.",
    )
    session_grace: PositiveDuration = Field(
        default=_THRESHOLDS.session_grace, description="A session left over by a hard kill gets this long to expire."
    )
    pending_after: PositiveDuration = Field(
        default=_THRESHOLDS.pending_after,
        description="Runners that stay pending this long while jobs wait for them make a black hole.",
    )
    queue_age: PositiveDuration = Field(
        default=_THRESHOLDS.queue_age, description="A job that waits longer than this for a runner is user impact."
    )
    serving_window: PositiveDuration = Field(
        default=_THRESHOLDS.serving_window,
        description="A job that started within this time proves that a member serves.",
    )
    correlation_window: PositiveDuration = Field(
        default=_THRESHOLDS.correlation_window,
        description="Faults in several members that begin this close together are one fault, and no switch mends it.",
    )


class StatusPageSection(Section):
    """GitHub's status page."""

    url: PageUrl = Field(default=_STATUS_PAGE_ACCESS.url, description="A Statuspage; tenants have their own.")
    components: tuple[Text, ...] = Field(
        default=_STATUS_PAGE_ACCESS.components,
        description="The components that matter, by id or name: Actions and API Requests.",
    )
    poll: PositiveDuration = Field(default=_STATUS_PAGE_ACCESS.poll, description="Between two looks at the page.")


class AlertmanagerSection(Section):
    """Alertmanagers that are told directly."""

    urls: tuple[WebUrl, ...] = Field(
        default=(),
        description="Every peer of the cluster, not a load balancer. Empty: no direct push.",
        examples=[["http://alertmanager-0.monitoring:9093"]],
    )
    token_file: FilePath | None = Field(
        default=None, description="File with a bearer token.", examples=["/etc/arc-monitor/alertmanager-token"]
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="PEM bundle, when it is not the system's.",
        examples=["/etc/arc-monitor/alertmanager-ca.pem"],
    )
    labels: dict[LabelName, str] = Field(
        default={}, description="Labels that every alert gets.", examples=[{"team": "ci"}]
    )
    page_url: WebUrl | None = Field(
        default=None,
        description="Where people reach our status page; alerts link to it.",
        examples=["https://arc-monitor.example"],
    )


class WebSection(Section):
    """Metrics, API and status page; nothing here acts."""

    listen: Listen = Field(
        default=f"{_WEB_SETTINGS.host}:{_WEB_SETTINGS.port}",
        description="host:port. The pages show names of clusters and repositories: open it to those who may see them.",
    )


class StoreSection(Section):
    """What is remembered."""

    sqlite: FilePath = Field(
        default="/var/lib/arc-monitor/state.db",
        description="The file, on a local disk. Commands that act go through it too, so they run where it lies.",
    )


class LogSection(Section):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default=_LOG_SETTINGS.level,  # type: ignore[arg-type]  # the model's default is one of these words
        description="debug, info, warning or error.",
    )
    format: Literal["console", "json"] = Field(
        default=_LOG_SETTINGS.format,  # type: ignore[arg-type]
        description="console or json.",
    )


class Root(Section):
    """The whole file."""

    github: dict[Name, GitHubSection] = Field(
        min_length=1,
        description="The organisations on GitHub that the scale sets are registered with, by a name of yours.",
    )
    clusters: dict[Name, ClusterSection] = Field(
        min_length=1,
        description="The Kubernetes clusters with ARC in them, by a name of yours. They are only ever read.",
    )
    pools: dict[Name, PoolSection] = Field(
        min_length=1,
        description="What workflows name in runs-on, and the scale sets that serve it. Any key of 'defaults'"
        " may be written here too, for this pool alone.",
    )
    defaults: PolicySection = Field(
        default=PolicySection(), description="The policy of every pool that does not say otherwise."
    )
    timing: TimingSection = Field(
        default=TimingSection(), description="How often we look, how long we wait, and what counts as fresh."
    )
    thresholds: ThresholdsSection = Field(
        default=ThresholdsSection(),
        description="When a reading becomes a symptom; the evidence for each value is in docs/detection.md.",
    )
    status_page: Annotated[StatusPageSection, BeforeValidator(_off)] = Field(
        default=StatusPageSection(),
        description="GitHub's status page, or 'off' (a GitHub Enterprise Server has none).",
    )
    alertmanager: AlertmanagerSection = Field(
        default=AlertmanagerSection(), description="Alertmanagers that are told at once, without waiting for a scrape."
    )
    web: WebSection = Field(default=WebSection(), description="Metrics, API and status page. Nothing here acts.")
    store: StoreSection = Field(default=StoreSection(), description="What is remembered over a restart.")
    log: LogSection = Field(default=LogSection(), description="The log goes to standard error.")
