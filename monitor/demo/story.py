"""The story: a conflict explained and left alone, a half-dead region, the failover, the return, the failback."""

from monitor.assess.readiness import FENCE
from monitor.demo.narrator import Narrator, findings, found, pool, serving, switch
from monitor.demo.settings import POOLS
from monitor.demo.stage import Stage
from monitor.report.shapes import FindingDoc, StatusDocument, SwitchDoc

HOME, AWAY = "eu-west", "us-east"
CONFLICT = ("DuplicateScaleSet", "SharedScaleSetId")


async def tell(stage: Stage, narrator: Narrator) -> str:
    """Play every act; the id of the failover, for the report.

    Raises:
        NotSeen: when a step of the story was not seen to happen.
    """
    await calm(stage, narrator)
    await conflict(stage, narrator)
    failover = await half_dead(stage, narrator)
    await back(stage, narrator)
    await failback(stage, narrator, failover)
    return failover.id


async def calm(stage: Stage, narrator: Narrator) -> None:
    """All is well."""
    narrator.act("All is well")
    narrator.note(
        f"two regions, two pools ({', '.join(POOLS)}); {HOME} serves, {AWAY} stands by; status page {stage.url}/"
    )
    await narrator.until("both clusters and GitHub are read, and every pool is healthy", _all_well)
    await narrator.until("jobs start and end in the serving region", lambda _: _running(stage, HOME) or None)
    await narrator.until("the standby is proven ready", lambda status: _ready(status, AWAY) or None)


async def conflict(stage: Stage, narrator: Narrator) -> None:
    """A session conflict is found, explained, and not acted on."""
    narrator.act("A session conflict")
    narrator.does(f"somebody installs pool linux a second time, in {AWAY}: same name, same runner group as in {HOME}")
    stage.world.faults.start("session_conflict", cluster=AWAY, scale_set="linux", victim=HOME)
    await narrator.until("the conflict is named, and whose fault it is", lambda status: found(status, *CONFLICT))
    finding = await narrator.until("the dying listener's own words are read", _said)
    narrator.finding(finding)
    status = await narrator.now()
    decision = pool(status, "linux").decision
    epochs = [item.epoch for item in status.pools]
    await narrator.check(
        "nothing is switched for it: the service is up", holds=not status.running and set(epochs) == {0}
    )
    narrator.says(f"decision: {decision.kind if decision else 'none'}: {decision.sentence if decision else ''}")
    narrator.does("the second installation is removed")
    stage.world.faults.clear("session_conflict")
    await narrator.until("the conflict is gone", lambda status: not found(status, *CONFLICT) or None)


async def half_dead(stage: Stage, narrator: Narrator) -> SwitchDoc:
    """A region that takes jobs and cannot run them is left."""
    narrator.act("A half-dead region")
    narrator.does(f"{HOME}: no runner pod can be scheduled any more; its listeners live and go on taking jobs")
    stage.world.faults.start("runners_pending", cluster=HOME)
    finding = await narrator.until("the black hole is found", _black_hole)
    narrator.finding(finding)
    status = await narrator.until("a failover is wanted, and waits for its proofs", _blocked)
    decision = pool(status, "linux").decision
    for block in decision.blocks if decision else []:
        narrator.note(f"block {block.code}: {block.sentence}")
    begun = await narrator.until("the failover is written down and begins", lambda status: switch(status, "failover"))
    narrator.says(f"{begun.id}: {', '.join(begun.pools)} from {', '.join(begun.source)} to {', '.join(begun.target)}")
    done = await narrator.until("the failover is done", lambda status: _ended(status, "failover", len(POOLS)))
    _steps(narrator, done)
    await narrator.until(
        "GitHub lets jobs into the standby and no longer into the sick region",
        lambda status: all(serving(status, name) == {AWAY} for name in POOLS) or None,
    )
    await narrator.until("jobs run again", lambda _: _running(stage, AWAY) or None)
    stranded = stage.world.jobs.counts(HOME)
    narrator.note(f"bound to {HOME} and waiting there: {stranded.assigned}; GitHub does not move what is bound already")
    return done


async def back(stage: Stage, narrator: Narrator) -> None:
    """The region returns and stays fenced."""
    narrator.act("The region returns")
    narrator.does(f"{HOME}: runner pods can be scheduled again")
    stage.world.faults.clear("runners_pending")
    status = await narrator.until(
        f"{HOME} runs jobs again, those that were bound to it", lambda status: _well(status, HOME)
    )
    fenced = all(member.role == "fenced" for item in status.pools for member in item.members if member.cluster == HOME)
    await narrator.check("it stays fenced; nothing fails back by itself", holds=fenced)
    finding = found(status, "ReturnedMember", "FencedMemberReturned")
    if finding:
        narrator.finding(finding)


async def failback(stage: Stage, narrator: Narrator, failover: SwitchDoc) -> None:
    """A person asks for the failback."""
    narrator.act("The planned failback")
    await narrator.until(f"{HOME} is proven ready", lambda status: _ready(status, HOME, fenced=True) or None)
    narrator.does(f"$ arc-monitor switchover --back {failover.id} --yes")
    code, printed = await stage.command(
        "switchover", "--back", failover.id, "--yes", "--reason", "region is well again"
    )
    for line in printed.splitlines():
        narrator.note(line)
    await narrator.check("the command ends with status 0", holds=code == 0)
    await narrator.until(
        "the first region serves again, the other one stands by",
        lambda status: all(serving(status, name) == {HOME} for name in POOLS) or None,
    )
    await narrator.until("jobs run there", lambda _: _running(stage, HOME) or None)
    await narrator.until("every pool is healthy", _all_well)


def _all_well(status: StatusDocument) -> StatusDocument | None:
    members = [member for item in status.pools for member in item.members]
    known = all(member.actual in {"open", "shut"} and member.verdict.health == "healthy" for member in members)
    adopted = all(item.epoch is not None for item in status.pools)
    return status if known and adopted and status.leader and not findings_that_speak(status) else None


def findings_that_speak(status: StatusDocument) -> list[str]:
    """Codes of the findings that ask for anything."""
    return [item.code for item in findings(status) if item.reaction != "none" and item.severity != "info"]


def _said(status: StatusDocument) -> FindingDoc | None:
    """The conflict's finding once its evidence has the listener's last line, the 409."""
    finding = found(status, *CONFLICT)
    return finding if finding and any("409" in item.text for item in finding.evidence) else None


def _black_hole(status: StatusDocument) -> FindingDoc | None:
    finding = found(status, "RunnersPending")
    return finding if finding and finding.reaction.startswith("switch") else None


def _blocked(status: StatusDocument) -> StatusDocument | None:
    decision = pool(status, "linux").decision
    return status if status.running or (decision and decision.source and decision.blocks) else None


def _ended(status: StatusDocument, kind: str, pools: int) -> SwitchDoc | None:
    """The newest switch of that kind once every pool has been moved by one that is done."""
    done = [item for item in status.switches if item.kind == kind and item.outcome == "done"]
    moved = {name for item in done for name in item.pools}
    return max(done, key=lambda item: item.created_at) if len(moved) >= pools else None


def _well(status: StatusDocument, cluster: str) -> StatusDocument | None:
    members = [member for item in status.pools for member in item.members if member.cluster == cluster]
    return status if all(member.verdict.seen == "healthy" for member in members) else None


def _ready(status: StatusDocument, cluster: str, *, fenced: bool = False) -> bool:
    members = [member for item in status.pools for member in item.members if member.cluster == cluster]
    return all(
        all(check.passed or (fenced and check.name == FENCE) for check in member.checks) and member.checks
        for member in members
    )


def _running(stage: Stage, cluster: str) -> bool:
    return stage.world.jobs.counts(cluster).running > 0


def _steps(narrator: Narrator, done: SwitchDoc) -> None:
    for step in done.steps:
        narrator.note(f"step {step.name}: {step.text}")
        for call in step.calls:
            narrator.note(f"  {call}")
