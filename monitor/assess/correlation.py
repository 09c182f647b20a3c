"""The same fault in several members of a pool at about the same time is one fault, and not theirs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.assess.view import MemberView, View
from monitor.model.verdict import Evidence, Finding, Health

KINDS: Mapping[str, str] = {
    "StaleSession": "conflict",
    "SessionStuck": "conflict",
    "CredentialsRejected": "credentials",
}
"""Codes that are one fault at different ages; any other code is a kind of its own."""


@dataclass(frozen=True, slots=True)
class Common:
    """One kind of fault that several members of a pool have."""

    kind: str
    members: tuple[MemberView, ...]
    findings: tuple[Finding, ...]

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The first fact of each member's finding, said of whom."""
        return tuple(
            Evidence(finding.evidence[0].at, finding.evidence[0].path, f"{member.name}: {finding.evidence[0].text}")
            for member, finding in zip(self.members, self.findings, strict=True)
        )

    @property
    def clusters(self) -> list[str]:
        """Where."""
        return [member.member.cluster for member in self.members]

    @property
    def impact(self) -> bool:
        """Whether users feel it in any of them."""
        return any(finding.impact for finding in self.findings)

    @property
    def since(self) -> float | None:
        """When the first of them began."""
        return min((finding.since for finding in self.findings if finding.since is not None), default=None)


def common_faults(view: View, pool: str, ignored: frozenset[str]) -> Iterator[Common]:
    """Every kind of fault that all of two, or at least half of three or more, members got within the window.

    Args:
        view: with the findings of the single members.
        pool: whose members are compared.
        ignored: codes that are a member's own by nature, such as a wrong configuration that was recognised.
    """
    members = view.pools.get(pool, ())
    kinds: dict[str, dict[str, tuple[MemberView, Finding]]] = {}
    for member in members:
        for finding in view.of(member):
            if finding.health in {Health.DEGRADED, Health.FAILED} and finding.code not in ignored:
                kinds.setdefault(KINDS.get(finding.code, finding.code), {}).setdefault(member.name, (member, finding))
    for kind in sorted(kinds):
        pairs = tuple(kinds[kind].values())
        if _most(len(pairs), len(members)) and _together(view, [finding for _, finding in pairs]):
            yield Common(kind, tuple(member for member, _ in pairs), tuple(finding for _, finding in pairs))


def _most(sick: int, total: int) -> bool:
    return sick == total if total == 2 else total > 2 and sick * 2 >= total


def _together(view: View, findings: list[Finding]) -> bool:
    times = [finding.since for finding in findings if finding.since is not None]
    return not times or max(times) - min(times) <= view.thresholds.correlation_window
