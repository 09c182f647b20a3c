"""Rules that span keys: each is broken alone, and says why at the place to mend."""

import pytest
from config.samples import MINIMAL, SOURCE, changed, problems

from monitor.config import advise, parse
from monitor.model.fleet import Mode

LINUX = "  linux:\n"
AUTO = changed(LINUX, "  linux:\n    mode: auto\n")
SECOND = "      - {cluster: us, runner_group: arc-us}\n"
ALSO = "in runner group 'arc-eu' is also pools.linux.members[0]:"
CONFLICT = f"{ALSO} GitHub knows a scale set by runner group and name and allows one session for it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            changed("https://github.com/acme", "https://github.com/acme/web"),
            "2:15: github.acme.url: this is a repository's URL (acme/web); a runner group belongs to an organisation",
        ),
        (
            changed("https://github.com/acme", "https://github.com/enterprises/acme"),
            "2:15: github.acme.url: an enterprise's URL is not supported in this version",
        ),
        (changed("https://github.com/acme", "github.com/acme"), "is not a URL such as https://github.com/my-org"),
        (changed("https://github.com/acme", "https://ghes.example:x/acme"), "expected a URL such as"),
        (changed("https://github.com/acme", "http://ghes.example/acme"), "expected https: over http the token would"),
        (changed("https://github.com/acme", "https://u:p@github.com/acme"), "without user and password in it"),
        (
            changed(", token_file: token", ""),
            "2:3: github.acme: no way to sign in; expected one of token_file, token_env",
        ),
        (
            changed("token_file: token", "token_file: token, token_env: T"),
            "2:59: github.acme.token_env: expected one way to sign in, found token_file and token_env",
        ),
        (
            changed("clusters:\n", "  acme2: {url: https://GitHub.com/ACME, token_env: T}\nclusters:\n").replace(
                LINUX, "  linux:\n    github: acme\n"
            ),
            "3:16: github.acme2.url: 'acme' is the same organisation",
        ),
        (
            changed("clusters:\n", "  other: {url: https://github.com/other, token_env: T}\nclusters:\n"),
            "8:3: pools.linux.github: is missing; expected one of acme, other",
        ),
        (
            changed("token_file: token", "token_file: token, sentinel_repositories: [a, other/web]"),
            "github.acme.sentinel_repositories[1]: 'other/web' is not a repository of the organisation 'acme'",
        ),
        (
            changed(LINUX, "  linux:\n    canary_repositories: [other/web]\n"),
            "pools.linux.canary_repositories[0]: 'other/web' is not a repository of the organisation 'acme'",
        ),
        (
            changed("{context: us}", "{context: us, in_cluster: true}"),
            "5:8: clusters.us.context: does not go with in_cluster",
        ),
        (changed("{context: us}", "{context: eu}"), "5:3: clusters.us: is reached exactly as 'eu' is"),
        (
            changed(LINUX, "  linux:\n    github: acmee\n"),
            "8:13: pools.linux.github: unknown connection 'acmee'; did you mean 'acme'?",
        ),
        (
            changed("cluster: us", "cluster: uss"),
            "10:19: pools.linux.members[1].cluster: unknown cluster 'uss'; did you mean 'us'?",
        ),
        (changed("cluster: us", "cluster: xy-z"), "unknown cluster 'xy-z'; expected eu or us"),
        (
            changed("cluster: us", "cluster: eu"),
            "10:19: pools.linux.members[1].cluster: the pool has a member in 'eu' already",
        ),
        (
            MINIMAL[: MINIMAL.index("    members")] + "    members: []\n",
            "8:14: pools.linux.members: expected at least one, found none",
        ),
        (
            changed("arc-us}", "arc-eu}"),
            f"10:9: pools.linux.members[1]: scale set 'linux' {CONFLICT}",
        ),
        (
            MINIMAL + "  other:\n    members: [{cluster: us, runner_group: arc-eu, scale_set: LINUX}]\n",
            f"12:15: pools.other.members[0]: scale set 'LINUX' {CONFLICT}",
        ),
        (
            MINIMAL + "  other:\n    members: [{cluster: eu, runner_group: arc-eu, scale_set: linux}]\n",
            f"12:15: pools.other.members[0]: scale set 'linux' {ALSO} expected each scale set in one pool",
        ),
        (
            MINIMAL + "  other:\n    members: [{cluster: us, runner_group: ARC-us}]\n",
            "pools.other.members[0].runner_group: 'ARC-us' is written 'arc-us' in pools.linux.members[1]",
        ),
        (changed(SECOND, "", AUTO), "8:11: pools.linux.mode: auto needs two members or more"),
        (changed(SECOND, "") + "defaults: {mode: auto}\n", "7:3: pools.linux: auto needs two members or more"),
        (
            AUTO.replace("-eu}", "-eu, eligible: false}").replace("-us}", "-us, eligible: false}"),
            "pools.linux.mode: auto needs a member that is eligible",
        ),
        (
            changed("arc-us}", "arc-eu, scale_set: linux-us}", AUTO),
            "pools.linux.members[1].runner_group: 'arc-eu' also serves 'eu': members behind one runner group open and",
        ),
        (
            MINIMAL + "timing: {poll: 45s}\n",
            "11:16: timing.poll: poll + 2 x request_timeout is 45s + 2 x 10s = 1m5s, more than the lease of 1m",
        ),
        (
            MINIMAL + "timing: {poll: 15s, lease: 34s}\n",
            "11:28: timing.lease: poll + 2 x request_timeout is 15s + 2 x 10s = 35s",
        ),
        (MINIMAL + "timing: {freshness: 15s}\n", "timing.freshness: freshness (15s) must be longer than poll (15s)"),
    ],
)
def test_a_broken_rule_is_one_problem_at_its_place(text: str, expected: str) -> None:
    (problem,) = problems(text)
    assert expected in problem


@pytest.mark.parametrize(
    "text",
    [
        changed(SECOND, ""),
        changed(SECOND, "") + "defaults: {mode: propose}\n",
        MINIMAL + "timing: {poll: 15s, lease: 35s}\n",
        changed("https://github.com/acme", "http://127.0.0.1:8080/acme"),
        changed("https://github.com/acme", "https://acme.ghe.com/acme"),
        changed("arc-us}", "arc-eu, scale_set: linux-us}"),
        MINIMAL + "  other:\n    members: [{cluster: us, runner_group: arc-us, scale_set: big}]\n",
        AUTO,
    ],
)
def test_what_is_unusual_and_right_is_allowed(text: str) -> None:
    assert parse(text, SOURCE).fleet.members


def test_good_settings_need_no_advice() -> None:
    text = changed("token_file: token", "token_file: token, sentinel_repositories: [web]", AUTO)
    assert advise(parse(changed("mode: auto", "mode: auto\n    canary_repositories: [c]", text), SOURCE)) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MINIMAL + "timing: {poll: 5s, request_timeout: 8s}\n", "timing.request_timeout: 8s is longer than poll (5s)"),
        (MINIMAL + "timing: {quiet_start: 20s}\n", "timing.quiet_start: 20s is shorter than lease + request_timeout"),
        (AUTO, "pools.linux: connection 'acme' has no sentinel_repositories"),
        (AUTO, "pools.linux: no canary_repositories"),
        (AUTO.replace("{context", "{region: one, context"), "pools.linux: every member is in region 'one'"),
        (AUTO + "defaults: {clear_after: 1m}\n", "clear_after (1m) is shorter than confirm_after (2m)"),
        (AUTO + "defaults: {confirm_readings: 20}\n", "20 readings take 5m, longer than confirm_after (2m)"),
        (AUTO + "defaults: {max_switches_per_day: 0}\n", "max_switches_per_day is 0, so mode auto never switches"),
        (changed("arc-us}", "arc-us, eligible: false}", AUTO), "fewer than two members are eligible"),
    ],
)
def test_what_is_allowed_and_hardly_meant_gets_advice(text: str, expected: str) -> None:
    assert any(expected in sentence for sentence in advise(parse(text, SOURCE)))


def test_a_pool_that_only_watches_gets_no_advice_on_switching() -> None:
    settings = parse(MINIMAL, SOURCE)
    assert settings.fleet.pools["linux"].policy.mode is Mode.OBSERVE
    assert advise(settings) == ()
