"""What a valid configuration allows and an operator probably does not mean. Advice never stops anything."""

from collections.abc import Iterator

from monitor.config.durations import format_duration
from monitor.model.fleet import Mode, Pool, Serve
from monitor.model.settings import Settings


def advise(settings: Settings) -> tuple[str, ...]:
    """One sentence for each thing worth a second look, with the key it is about first."""
    return (*_timing(settings), *_pools(settings))


def _timing(settings: Settings) -> Iterator[str]:
    timing = settings.fleet.timing
    if timing.request_timeout > timing.poll:
        yield (
            f"timing.request_timeout: {format_duration(timing.request_timeout)} is longer than poll"
            f" ({format_duration(timing.poll)}); a poll that runs into it skips the next one"
        )
    if timing.freshness < timing.poll + timing.request_timeout:
        yield (
            f"timing.freshness: {format_duration(timing.freshness)} is shorter than poll + request_timeout"
            f" ({format_duration(timing.poll + timing.request_timeout)}); an answer that comes late is stale before it"
            " counts, so a side that hangs is unknown and never found unreachable"
        )
    if timing.quiet_start < timing.lease + timing.request_timeout:
        yield (
            f"timing.quiet_start: {format_duration(timing.quiet_start)} is shorter than lease + request_timeout; a new"
            " leader may act while a request of the old one is still on its way"
        )


def _pools(settings: Settings) -> Iterator[str]:
    for pool in settings.fleet.pools.values():
        if pool.policy.mode is Mode.OBSERVE:
            continue
        where = f"pools.{pool.name}"
        if not settings.connections[pool.connection].sentinel_repositories:
            yield (
                f"{where}: connection '{pool.connection}' has no sentinel_repositories; waiting jobs are not seen, and"
                " an automatic switch needs user impact or total loss"
            )
        if not pool.canary_repositories:
            yield f"{where}: no canary_repositories; a parked member can't be tried before it is needed"
        regions = {settings.fleet.clusters[member.cluster].region for member in pool.members}
        if len(pool.members) > 1 and len(regions) == 1:
            yield f"{where}: every member is in region '{regions.pop()}'; they live and die together"
        yield from _pace(pool, where, settings.fleet.timing.poll)


def _pace(pool: Pool, where: str, poll: float) -> Iterator[str]:
    policy = pool.policy
    if policy.clear_after < policy.confirm_after:
        yield (
            f"{where}: clear_after ({format_duration(policy.clear_after)}) is shorter than confirm_after"
            f" ({format_duration(policy.confirm_after)}); a flapping member is soon trusted again"
        )
    readings = policy.confirm_readings * poll
    if readings > policy.confirm_after:
        yield (
            f"{where}: {policy.confirm_readings} readings take {format_duration(readings)}, longer than confirm_after"
            f" ({format_duration(policy.confirm_after)}), which therefore never counts"
        )
    if policy.mode is Mode.AUTO and policy.max_switches_per_day == 0:
        yield f"{where}: max_switches_per_day is 0, so mode auto never switches"
    if policy.serve is Serve.ONE and sum(member.eligible for member in pool.members) < 2:
        yield f"{where}: fewer than two members are eligible; there is no way back after a switch"
