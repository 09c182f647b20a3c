"""From the validated file to the values that every room speaks."""

import os
from pathlib import Path
from typing import Any

from monitor.config.rules import connection_of, merged_policy, organisation, scale_set_of
from monitor.config.schema import GitHubSection, MemberSection, PoolSection, Root
from monitor.config.timing import resolve
from monitor.model.fleet import Cluster, Fleet, GateRef, GateStrategy, Member, Policy, Pool, Thresholds
from monitor.model.settings import (
    AlertmanagerAccess,
    AppKey,
    ClusterAccess,
    GitHubAccess,
    LogSettings,
    Settings,
    StatusPageAccess,
    WebSettings,
)


def settings_of(root: Root, source: str) -> Settings:
    """The whole configuration as values; relative paths in it are relative to ``source``."""
    base = Path(source).absolute().parent
    return Settings(
        source=source,
        fleet=_fleet(root),
        clusters={
            name: ClusterAccess(
                name=name,
                kubeconfig=_path(base, section.kubeconfig),
                context=section.context or "",
                in_cluster=section.in_cluster,
                controller_namespace=section.controller_namespace or "",
                runner_namespaces=section.runner_namespaces,
            )
            for name, section in root.clusters.items()
        },
        connections={name: _connection(base, name, section) for name, section in root.github.items()},
        status_page=_status_page(root),
        alertmanager=AlertmanagerAccess(
            urls=root.alertmanager.urls,
            token_file=_path(base, root.alertmanager.token_file),
            ca_file=_path(base, root.alertmanager.ca_file),
            labels=dict(root.alertmanager.labels),
            page_url=root.alertmanager.page_url or "",
        ),
        web=_web(root.web.listen),
        log=LogSettings(level=root.log.level, format=root.log.format),
        store_path=_path(base, root.store.sqlite),
    )


def _fleet(root: Root) -> Fleet:
    return Fleet(
        clusters={name: Cluster(name, section.region or name) for name, section in root.clusters.items()},
        pools={name: _pool(root, name, pool) for name, pool in root.pools.items()},
        connections=tuple(root.github),
        timing=resolve(root.timing),
        thresholds=Thresholds(**root.thresholds.model_dump()),
    )


def _pool(root: Root, name: str, pool: PoolSection) -> Pool:
    connection, section = connection_of(root, pool)
    organization = organisation(section.url).owner
    policy: Any = merged_policy(root, pool)
    return Pool(
        name=name,
        connection=connection,
        organization=organization,
        members=tuple(_member(name, member, connection, organization) for member in pool.members),
        policy=Policy(**policy),
        canary_repositories=frozenset(_full_name(organization, each) for each in pool.canary_repositories),
    )


def _member(pool: str, member: MemberSection, connection: str, organization: str) -> Member:
    return Member(
        pool=pool,
        cluster=member.cluster,
        scale_set=scale_set_of(pool, member),
        gate=GateRef(GateStrategy.RUNNER_GROUP_ACCESS, connection, organization, member.runner_group),
        namespace=member.namespace or "",
        eligible=member.eligible,
    )


def _connection(base: Path, name: str, section: GitHubSection) -> GitHubAccess:
    app = section.app
    return GitHubAccess(
        name=name,
        url=organisation(section.url),
        token_file=_path(base, section.token_file),
        token_env=section.token_env or "",
        app=AppKey(app.id, app.installation, _path(base, app.private_key_file)) if app else None,
        ca_file=_path(base, section.ca_file),
        sentinel_repositories=tuple(each.rpartition("/")[2] for each in section.sentinel_repositories),
    )


def _status_page(root: Root) -> StatusPageAccess:
    page = root.status_page
    hosted = any(organisation(section.url).hosted for section in root.github.values())
    url = page.url if hosted or "url" in page.model_fields_set else ""
    return StatusPageAccess(url=url, components=page.components, poll=page.poll)


def _web(listen: str) -> WebSettings:
    host, _, port = listen.rpartition(":")
    return WebSettings(host=host.strip("[]"), port=int(port))


def _full_name(organization: str, repository: str) -> str:
    return repository if "/" in repository else f"{organization}/{repository}"


def _path(base: Path, written: str | None) -> str:
    return os.path.normpath(base / Path(written).expanduser()) if written else ""
