"""What a configuration must obey beyond each key by itself; every broken rule is a flaw with its place.

The rules look at validated sections. Names are looked up among everything that is written, so that one wrong key in
a cluster does not also make the cluster unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from monitor.config.durations import format_duration
from monitor.config.positions import Document, Flaw, Loc
from monitor.config.problems import did_you_mean, dotted
from monitor.config.schema import ClusterSection, GitHubSection, MemberSection, PoolSection, Root, TimingSection
from monitor.config.timing import resolve
from monitor.model.fleet import Mode, Serve
from monitor.model.urls import GitHubUrl, Scope

_WHY_ORGANISATION = (
    "a runner group belongs to an organisation, and gates are runner groups: give the organisation's URL (https://{host}/"
    "{owner}) and register the scale sets there"
)


def broken(root: Root, document: Document) -> Iterator[Flaw]:
    """Every rule that ``root`` breaks."""
    check = _Check(root, document)
    yield from check.connections()
    yield from check.clusters()
    yield from check.pools()
    yield from check.identities()
    yield from check.timing()


def organisation(url: str) -> GitHubUrl:
    """``url`` parsed, if it is an organisation's and safe to send a token to.

    Raises:
        ValueError: with one sentence, when it is not.
    """
    try:
        parts = urlsplit(url)
        secret, _ = parts.username or parts.password, parts.port
    except ValueError:
        raise ValueError("expected a URL such as https://github.com/acme") from None
    if secret:
        raise ValueError("expected a URL without user and password in it; name a token_file instead")
    parsed = GitHubUrl.parse(url)
    if parsed.scope is Scope.ENTERPRISE:
        raise ValueError(
            "an enterprise's URL is not supported in this version: name the organisation whose runner groups are used,"
            f" such as https://{parsed.host}/my-org"
        )
    if parsed.scope is Scope.REPOSITORY:
        why = _WHY_ORGANISATION.format(host=parsed.host, owner=parsed.owner)
        raise ValueError(f"this is a repository's URL ({parsed.owner}/{parsed.repository}); {why}")
    if parts.scheme == "http" and not _loopback(parsed.host):
        raise ValueError("expected https: over http the token would travel in the clear")
    return parsed


def _loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.endswith(".localhost") or host.startswith("127.")


@dataclass(frozen=True, slots=True)
class _Check:
    root: Root
    document: Document

    def flaw(self, loc: Loc, message: str, *, key: bool = False) -> Flaw:
        return Flaw(self.document.place(loc, key=key), loc, message)

    def written(self, section: str) -> list[str]:
        """Names written in ``section``, the faulty ones included."""
        value = self.document.value.get(section) if isinstance(self.document.value, dict) else None
        return list(value) if isinstance(value, dict) else []

    def connections(self) -> Iterator[Flaw]:
        """URLs, credentials, and one connection for each organisation."""
        seen: dict[tuple[str, str], str] = {}
        for name, section in self.root.github.items():
            loc = ("github", name)
            yield from self._credentials(loc, section)
            try:
                url = organisation(section.url)
            except ValueError as error:
                yield self.flaw((*loc, "url"), str(error))
                continue
            yield from self._sentinels(loc, section, url)
            other = seen.setdefault((url.host, url.owner.casefold()), name)
            if other != name:
                yield self.flaw(
                    (*loc, "url"), f"'{other}' is the same organisation; expected one connection for each organisation"
                )

    def _credentials(self, loc: Loc, section: GitHubSection) -> Iterator[Flaw]:
        given = [key for key in ("token_file", "token_env", "app") if getattr(section, key) is not None]
        if not given:
            yield self.flaw(loc, "no way to sign in; expected one of token_file, token_env and app", key=True)
        elif len(given) > 1:
            yield self.flaw((*loc, given[1]), f"expected one way to sign in, found {' and '.join(given)}", key=True)

    def _sentinels(self, loc: Loc, section: GitHubSection, url: GitHubUrl) -> Iterator[Flaw]:
        for index, repository in enumerate(section.sentinel_repositories):
            yield from self._owned((*loc, "sentinel_repositories", index), repository, url)

    def _owned(self, loc: Loc, repository: str, url: GitHubUrl) -> Iterator[Flaw]:
        owner, slash, _ = repository.rpartition("/")
        if slash and owner.casefold() != url.owner.casefold():
            yield self.flaw(loc, f"'{repository}' is not a repository of the organisation '{url.owner}'")

    def clusters(self) -> Iterator[Flaw]:
        """One way to reach each cluster, and no cluster twice."""
        seen: dict[tuple[object, ...], str] = {}
        for name, section in self.root.clusters.items():
            loc = ("clusters", name)
            if section.in_cluster and (section.kubeconfig or section.context):
                key = "kubeconfig" if section.kubeconfig else "context"
                yield self.flaw((*loc, key), "does not go with in_cluster: true; expected one of the two", key=True)
            other = seen.setdefault(_reach(section), name)
            if other != name:
                yield self.flaw(
                    loc,
                    f"is reached exactly as '{other}' is, so it is the same cluster twice; expected its own"
                    " kubeconfig or context",
                    key=True,
                )

    def pools(self) -> Iterator[Flaw]:
        """Names that exist, and members that a switch can move between."""
        for name, pool in self.root.pools.items():
            loc = ("pools", name)
            yield from self._connection(loc, pool)
            yield from self._members(loc, pool)
            yield from self._movable(loc, pool)

    def _connection(self, loc: Loc, pool: PoolSection) -> Iterator[Flaw]:
        known = self.written("github")
        if pool.github is None:
            if len(known) > 1:
                yield self.flaw((*loc, "github"), f"is missing; expected one of {', '.join(known)}", key=True)
                return
        elif pool.github not in known:
            yield self.flaw((*loc, "github"), f"unknown connection '{pool.github}'{did_you_mean(pool.github, known)}")
            return
        yield from self._canaries(loc, pool)

    def _canaries(self, loc: Loc, pool: PoolSection) -> Iterator[Flaw]:
        try:
            url = organisation(connection_of(self.root, pool)[1].url)
        except (ValueError, KeyError):
            return
        for index, repository in enumerate(pool.canary_repositories):
            yield from self._owned((*loc, "canary_repositories", index), repository, url)

    def _members(self, loc: Loc, pool: PoolSection) -> Iterator[Flaw]:
        known = self.written("clusters")
        seen: set[str] = set()
        for index, member in enumerate(pool.members):
            where = (*loc, "members", index, "cluster")
            if member.cluster not in known:
                yield self.flaw(where, f"unknown cluster '{member.cluster}'{did_you_mean(member.cluster, known)}")
            elif member.cluster in seen:
                yield self.flaw(where, f"the pool has a member in '{member.cluster}' already; expected one each")
            seen.add(member.cluster)

    def _movable(self, loc: Loc, pool: PoolSection) -> Iterator[Flaw]:
        policy = merged_policy(self.root, pool)
        mode = policy["mode"]
        if mode is Mode.OBSERVE:
            return
        where = (*loc, "mode") if "mode" in pool.model_fields_set else loc
        if mode is Mode.AUTO and len(pool.members) < 2:
            yield self.flaw(where, "auto needs two members or more: with one there is nothing to switch to")
        elif mode is Mode.AUTO and policy["serve"] is Serve.ONE and not any(member.eligible for member in pool.members):
            yield self.flaw(where, "auto needs a member that is eligible: every one says eligible: false")
        seen: dict[str, MemberSection] = {}
        for index, member in enumerate(pool.members):
            other = seen.setdefault(member.runner_group.casefold(), member)
            if other is not member and not _same_set(other, member):
                yield self.flaw(
                    (*loc, "members", index, "runner_group"),
                    f"'{member.runner_group}' also serves '{other.cluster}': members behind one runner group open"
                    f" and shut together, so mode {mode} can't switch between them; expected one group each",
                )

    def identities(self) -> Iterator[Flaw]:
        """No scale set twice, and every runner group spelt one way."""
        sets: dict[tuple[str, str, str], Loc] = {}
        groups: dict[tuple[str, str], tuple[str, Loc]] = {}
        for pool_name, pool in self.root.pools.items():
            connection = pool.github or next(iter(self.root.github))
            for index, member in enumerate(pool.members):
                loc: Loc = ("pools", pool_name, "members", index)
                group = member.runner_group.casefold()
                spelt, first = groups.setdefault((connection, group), (member.runner_group, loc))
                if spelt != member.runner_group:
                    yield self.flaw(
                        (*loc, "runner_group"),
                        f"'{member.runner_group}' is written '{spelt}' in {dotted(first)}; expected one spelling, as on"
                        " GitHub",
                    )
                holder = sets.setdefault((connection, group, scale_set_of(pool_name, member).casefold()), loc)
                if holder != loc:
                    yield from self._twice(loc, holder, member, scale_set_of(pool_name, member))

    def _twice(self, loc: Loc, holder: Loc, member: MemberSection, name: str) -> Iterator[Flaw]:
        pool, index = str(holder[1]), int(holder[3])
        same_cluster = self.root.pools[pool].members[index].cluster == member.cluster
        if same_cluster and holder[:2] == loc[:2]:
            return
        why = (
            "expected each scale set in one pool"
            if same_cluster
            else "GitHub knows a scale set by runner group and name and allows one session for it: with both installed,"
            " one listener is refused for ever (409, already has an active session). Give each cluster its own runner"
            " group"
        )
        what = f"scale set '{name}' in runner group '{member.runner_group}' is also {dotted(holder)}"
        yield self.flaw(loc, f"{what}: {why}", key=True)

    def timing(self) -> Iterator[Flaw]:
        """The lease outlives a poll and two requests (Patroni's rule); what is fresh outlives a poll."""
        section, timing = self.root.timing, resolve(self.root.timing)
        needed = timing.poll + 2 * timing.request_timeout
        if needed > timing.lease:
            yield self.flaw(
                self._newest(section, "lease", "poll", "request_timeout"),
                f"poll + 2 x request_timeout is {format_duration(timing.poll)} + 2 x"
                f" {format_duration(timing.request_timeout)} = {format_duration(needed)}, more than the lease of"
                f" {format_duration(timing.lease)}: slow answers would cost leadership; expected lease:"
                f" {format_duration(needed)} or more, or a shorter poll or request_timeout",
            )
        if timing.freshness <= timing.poll:
            yield self.flaw(
                self._newest(section, "freshness", "poll"),
                f"freshness ({format_duration(timing.freshness)}) must be longer than poll"
                f" ({format_duration(timing.poll)}), or everything is stale before it is seen again",
            )

    def _newest(self, section: TimingSection, *keys: str) -> Loc:
        written = [key for key in keys if key in section.model_fields_set]
        return ("timing", written[0]) if written else ("timing",)


def scale_set_of(pool: str, member: MemberSection) -> str:
    """The scale set's name: the member's own, or the pool's."""
    return member.scale_set or pool


def connection_of(root: Root, pool: PoolSection) -> tuple[str, GitHubSection]:
    """The connection of a pool: the one it names, or the only one; KeyError when it names an unknown one."""
    name = pool.github or next(iter(root.github))
    return name, root.github[name]


def merged_policy(root: Root, pool: PoolSection) -> dict[str, Any]:
    """The policy's keys: what the pool says, else what ``defaults`` say."""
    keys = type(root.defaults).model_fields
    return {key: getattr(pool if key in pool.model_fields_set else root.defaults, key) for key in keys}


def _reach(section: ClusterSection) -> tuple[object, ...]:
    if section.in_cluster:
        return ("in cluster",)
    return ("kubeconfig", section.kubeconfig or "", section.context or "")


def _same_set(one: MemberSection, other: MemberSection) -> bool:
    return (one.scale_set or "").casefold() == (other.scale_set or "").casefold()
