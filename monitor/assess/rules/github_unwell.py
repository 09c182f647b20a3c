"""GitHub itself is unwell: its API fails, its status page says so, or listeners fail alike in every cluster."""

from collections.abc import Iterator

from monitor.assess.conflict import lonely
from monitor.assess.rule import Rule
from monitor.assess.text import count, listed
from monitor.assess.view import GitHubView, MemberView, View
from monitor.model.github import ServiceStatus
from monitor.model.kubernetes import ExitCause
from monitor.model.signal import Answer, Path, UnknownCause
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind

_COMMON = {
    ExitCause.NETWORK: "can't reach GitHub",
    ExitCause.SESSION_LOST: "lose their session",
}


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each connection."""
    for name in sorted(view.github):
        github = view.github[name]
        api, page, listeners = _api(github), _page(view), _listeners(view, name)
        evidence = api + page + listeners
        if not evidence:
            continue
        health = Health.FAILED if api or listeners else Health.DEGRADED
        if api and github.signal.answer is Answer.UNKNOWN:
            health = Health.BLIND
        sentence = f"GitHub is unwell ({evidence[0].text}); no cluster is to blame and no switch would help."
        yield RULE.finding(
            name,
            sentence,
            evidence,
            health=health,
            names={"connection": name},
            severity=Severity.PAGE if health is not Health.DEGRADED else Severity.TICKET,
        )


def _api(github: GitHubView) -> tuple[Evidence, ...]:
    signal = github.signal
    failing = signal.answer is Answer.UNKNOWN and signal.cause is UnknownCause.SERVER_ERROR
    if signal.answer in {Answer.BAD, Answer.UNREACHABLE} or failing:
        text = f"its API answers {signal.answer.value}" + (f": {signal.detail}" if signal.detail else "")
        return (Evidence(signal.at, Path.GITHUB, text),)
    return ()


def _page(view: View) -> tuple[Evidence, ...]:
    """What the status page says; the configuration turns it off where it does not speak for the connections."""
    status = view.status
    if status is None or status.signal.answer is not Answer.OK:
        return ()
    sick = {name: state for name, state in status.components.items() if state is not ServiceStatus.OPERATIONAL}
    if sick:
        names = listed([f"{name} {sick[name].value}" for name in sorted(sick)])
        incidents = f" ({'; '.join(status.incidents)})" if status.incidents else ""
        return (Evidence(status.at, Path.STATUS, f"its status page says {names}{incidents}"),)
    if status.incidents and not status.components:
        return (Evidence(status.at, Path.STATUS, f"its status page has {'; '.join(status.incidents)}"),)
    return ()


def _listeners(view: View, connection: str) -> tuple[Evidence, ...]:
    """The same trouble with GitHub in the listeners of every cluster, two clusters at least."""
    clusters: dict[str, dict[str, MemberView]] = {}
    judged: set[str] = set()
    for member in view.members:
        if member.member.gate.connection != connection or member.listener is None:
            continue
        judged.add(member.member.cluster)
        word = _trouble(view, member)
        if word:
            clusters.setdefault(word, {}).setdefault(member.member.cluster, member)
    for word in sorted(clusters):
        found = clusters[word]
        if len(judged) > 1 and found.keys() == judged:
            text = f"listeners in all {count(len(found), 'cluster')} {word}"
            return tuple(found[name].seen(text) for name in sorted(found))
    return ()


def _trouble(view: View, member: MemberView) -> str:
    listener = member.listener
    if listener is None:
        return ""
    if lonely(view, member) is not None:
        return "are refused a session"
    death = listener.death
    return _COMMON.get(death.cause, "") if death is not None and listener.looping else ""


RULE = Rule(
    code="GitHubUnwell",
    catalogue=("E1", "A5", "B6"),
    title="GitHub is unwell",
    looks_for="GitHub's API fails or can't be reached, its status page reports a watched component, or the listeners "
    "of every cluster fail in the same way",
    evidence_against="the API answers, the status page is green, and one cluster's listeners are well while another's "
    "are not",
    reaction=Reaction.HOLD,
    severity=Severity.PAGE,
    kind=SubjectKind.GITHUB,
    find=find,
    hints=(
        "Wait. Do not restart every listener: each restart costs GitHub calls, and sessions come back by themselves.",
        "curl -s https://www.githubstatus.com/api/v2/summary.json",
        "Afterwards look for jobs that wait and runners that run without a job.",
    ),
    sources=(
        "ARC#3922",
        "ARC#4396",
        "ARC#4370",
    ),
    runbook="github-unwell",
)
