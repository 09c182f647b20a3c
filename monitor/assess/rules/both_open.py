"""More than one gate of an active/standby pool is open: jobs may go to either."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.text import listed
from monitor.assess.view import View
from monitor.model.fleet import Serve
from monitor.model.verdict import Finding, GateState, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each pool."""
    for pool in sorted(view.pools):
        members = view.pools[pool]
        if members[0].pool.policy.serve is not Serve.ONE or members[0].moving:
            continue
        ajar = [member for member in members if member.gate in {GateState.OPEN, GateState.PARTIAL}]
        if len(ajar) < 2:
            continue
        wanted = members[0].state.open if members[0].state else ()
        names = listed([member.member.cluster for member in ajar])
        meant = f" ({listed(wanted)})" if wanted else ""
        sentence = (
            f"{pool} is meant to be served by one cluster{meant} and is open in {names}: safe, but GitHub decides "
            "where jobs go."
        )
        evidence = tuple(member.told(f"the gate of {member.name} is {member.gate.value}") for member in ajar)
        yield RULE.finding(pool, sentence, evidence, health=Health.DEGRADED, names={"pool": pool})


RULE = Rule(
    code="BothOpen",
    catalogue=("A9",),
    title="More than one gate of an active/standby pool is open",
    looks_for="two or more open gates in a pool with serve: one, with no switch under way",
    evidence_against="one open gate, or serve: all",
    reaction=Reaction.ALERT,
    severity=Severity.TICKET,
    kind=SubjectKind.POOL,
    find=find,
    hints=(
        "arc-monitor switchover {pool} --to <cluster> --dry-run",
        "If both are meant to serve, say serve: all in the pool's policy.",
    ),
    sources=("ARC#4004",),
    runbook="both-open",
)
