"""The few fields that we read of GitHub's answers, and what they become. Everything else is never kept in memory."""

from datetime import datetime

import msgspec

from monitor.model.github import Repository, RunnerGroup, Visibility


class RepositoryShape(msgspec.Struct, frozen=True):
    """One entry of a runner group's access list."""

    id: int
    full_name: str

    def value(self) -> Repository:
        """The repository as everybody speaks of it."""
        return Repository(self.id, self.full_name)


class GroupShape(msgspec.Struct, frozen=True):
    """A runner group of an organisation (REST ``runner-groups-org``)."""

    id: int
    name: str
    visibility: str
    default: bool = False
    inherited: bool = False
    allows_public_repositories: bool = False
    restricted_to_workflows: bool = False
    selected_workflows: list[str] | None = None
    workflow_restrictions_read_only: bool = False

    def value(self, repositories: tuple[Repository, ...] | None = None) -> RunnerGroup:
        """The group as everybody speaks of it; ValueError for a visibility that we do not know."""
        visibility = Visibility(self.visibility)
        return RunnerGroup(
            id=self.id,
            name=self.name,
            visibility=visibility,
            default=self.default,
            inherited=self.inherited,
            allows_public_repositories=self.allows_public_repositories,
            restricted_to_workflows=self.restricted_to_workflows,
            selected_workflows=tuple(self.selected_workflows or ()),
            workflow_restrictions_read_only=self.workflow_restrictions_read_only,
            repositories=repositories if visibility is Visibility.SELECTED else (),
        )


class RunnerShape(msgspec.Struct, frozen=True):
    """A runner. Its status is eventually consistent and sometimes wrong both ways."""

    id: int
    status: str
    busy: bool = False
    runner_group_id: int | None = None


class RunShape(msgspec.Struct, frozen=True):
    """A workflow run."""

    id: int
    created_at: datetime


class RunsShape(msgspec.Struct, frozen=True):
    """One page of workflow runs, newest first."""

    total_count: int
    workflow_runs: list[RunShape]


class JobShape(msgspec.Struct, frozen=True):
    """A job of a run; ``labels`` is what its ``runs-on`` asks for."""

    id: int
    status: str
    created_at: datetime | None = None
    html_url: str | None = None
    labels: list[str] = []


class MetaShape(msgspec.Struct, frozen=True):
    """``/meta``; only GHES tells its version."""

    installed_version: str = ""
