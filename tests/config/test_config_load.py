"""From text to settings: what is meant, and every problem at once with its place."""

import re
from pathlib import Path

import pytest
from config.samples import MINIMAL, SOURCE, changed, problems
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import load, parse, show
from monitor.model.errors import ConfigError
from monitor.model.fleet import GateRef, GateStrategy, Member, Mode, Order, Policy, Serve, Thresholds, Timing
from monitor.model.settings import AppKey, ClusterAccess, LogSettings, StatusPageAccess, WebSettings

FULL = """\
github:
  acme:
    url: https://github.com/acme
    app: {id: Iv23liX, installation: 77, private_key_file: keys/app.pem}
    sentinel_repositories: [web, Acme/api]
  ghes:
    url: https://ghes.example:8443/tools
    token_env: GHES_TOKEN
    ca_file: ~/ca.pem
clusters:
  eu-west:
    region: eu
    kubeconfig: ~/.kube/config
    context: eu-west
    controller_namespace: arc-systems
    runner_namespaces: [arc-runners, more]
  us-east: {region: us, in_cluster: yes}
pools:
  linux:
    github: acme
    mode: auto
    serve: all
    cooldown: 30m
    canary_repositories: [runner-canary, acme/other]
    members:
      - {cluster: us-east, runner_group: Arc US, scale_set: linux-x64, namespace: arc, eligible: false}
      - {cluster: eu-west, runner_group: arc-eu}
  mac:
    github: ghes
    members: [{cluster: eu-west, runner_group: macs}]
defaults: {mode: propose, order: fence-first, cooldown: 2h, confirm_readings: 7}
thresholds: {queue_age: 10m, churn_restarts: 5}
status_page: {url: https://eu.githubstatus.com/, components: [Actions], poll: 30}
alertmanager:
  urls: [http://am-0:9093, https://am-1.example/prefix/]
  token_file: am-token
  labels: {team: ci, severity_hint: "1"}
  page_url: https://arc.example
web: {listen: "[::1]:0"}
store: {sqlite: state/state.db}
log: {level: debug, format: json}
"""


def test_a_whole_file_becomes_the_values_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    settings = parse(FULL, SOURCE)
    fleet = settings.fleet
    assert settings.source == SOURCE
    assert fleet.connections == ("acme", "ghes")
    assert {name: cluster.region for name, cluster in fleet.clusters.items()} == {"eu-west": "eu", "us-east": "us"}
    gate = GateRef(GateStrategy.RUNNER_GROUP_ACCESS, "acme", "acme", "Arc US")
    linux, mac = fleet.pools["linux"], fleet.pools["mac"]
    assert linux.members[0] == Member("linux", "us-east", "linux-x64", gate, "arc", eligible=False)
    assert linux.members[1].scale_set == "linux"
    assert linux.canary_repositories == {"acme/runner-canary", "acme/other"}
    assert linux.policy == Policy(Mode.AUTO, Serve.ALL, Order.FENCE_FIRST, confirm_readings=7, cooldown=1800.0)
    assert mac.policy == Policy(Mode.PROPOSE, Serve.ONE, Order.FENCE_FIRST, confirm_readings=7, cooldown=7200.0)
    assert (mac.connection, mac.organization) == ("ghes", "tools")
    assert fleet.thresholds == Thresholds(queue_age=600.0, churn_restarts=5)
    assert settings.clusters["eu-west"] == ClusterAccess(
        "eu-west",
        "/home/ann/.kube/config",
        "eu-west",
        controller_namespace="arc-systems",
        runner_namespaces=("arc-runners", "more"),
    )
    assert settings.clusters["us-east"].in_cluster
    acme, ghes = settings.connections["acme"], settings.connections["ghes"]
    assert acme.app == AppKey("Iv23liX", 77, "/etc/arc/keys/app.pem")
    assert acme.sentinel_repositories == ("web", "api")
    assert (ghes.token_env, ghes.ca_file, ghes.url.api) == (
        "GHES_TOKEN",
        "/home/ann/ca.pem",
        "https://ghes.example:8443/api/v3",
    )
    assert settings.status_page == StatusPageAccess("https://eu.githubstatus.com", ("Actions",), 30.0)
    assert settings.alertmanager.urls == ("http://am-0:9093", "https://am-1.example/prefix")
    assert settings.alertmanager.labels == {"team": "ci", "severity_hint": "1"}
    assert settings.alertmanager.token_file == "/etc/arc/am-token"
    assert settings.web == WebSettings("::1", 0)
    assert settings.log == LogSettings("debug", "json")
    assert settings.store_path == "/etc/arc/state/state.db"


def test_what_is_not_written_is_the_model_s_default() -> None:
    settings = parse(MINIMAL, SOURCE)
    assert settings.fleet.timing == Timing()
    assert settings.fleet.thresholds == Thresholds()
    assert settings.fleet.pools["linux"].policy == Policy()
    assert settings.fleet.clusters["eu"].region == "eu"
    assert settings.status_page == StatusPageAccess()
    assert settings.web == WebSettings()
    assert settings.log == LogSettings()


@pytest.mark.parametrize("section", ["timing", "defaults", "status_page", "log", "alertmanager", "store", "web"])
def test_a_section_with_nothing_in_it_is_not_written(section: str) -> None:
    assert parse(f"{MINIMAL}{section}:\n", SOURCE) == parse(MINIMAL, SOURCE)


@pytest.mark.parametrize("written", ["status_page: off", "status_page: {url: ''}"])
def test_the_status_page_can_be_off(written: str) -> None:
    assert not parse(f"{MINIMAL}{written}\n", SOURCE).status_page.url


def test_github_enterprise_server_has_no_status_page_unless_one_is_named() -> None:
    text = changed("https://github.com/acme", "https://ghes.example/acme")
    assert not parse(text, SOURCE).status_page.url
    named = f"{text}status_page: {{url: https://status.example}}\n"
    assert parse(named, SOURCE).status_page.url == "https://status.example"


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (
            "poll: 9",
            Timing(poll=9, cycle=3, request_timeout=6, lease=60, quiet_start=66, freshness=27, late=4.5, blind_hold=30),
        ),
        ("poll: 30s, lease: 2m", Timing(30, 10, 10, 120, 130, 90, 15, 60)),
        ("poll: 1s, lease: 3s", Timing(1, 0.333, 0.667, 3, 3.667, 3, 0.5, 6)),
        ("quiet_start: 0, late: 1s, blind_hold: 0", Timing(quiet_start=0, late=1, blind_hold=0)),
    ],
)
def test_timing_follows_from_poll_and_lease_and_what_is_written_wins(timing: str, expected: Timing) -> None:
    got = parse(f"{MINIMAL}timing: {{{timing}}}\n", SOURCE).fleet.timing
    for name in Timing.__slots__:
        assert getattr(got, name) == pytest.approx(getattr(expected, name), abs=0.001), name


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
github:
  acme:
    ulr: https://github.com/acme
    token_file: token
clusters:
  eu: {regoin: eu}
  us: {context: us, runner_namespaces: one}
pools:
  linux:
    mode: autoo
    confirm_after: 3 minutes
    members:
      - {cluster: eu, runner_group: [a]}
      - runner_group: b
  windows:
    members: [{cluster: use, runner_group: c}]
timing: {poll: 60s}
logg: {}
"""
    assert problems(text) == [
        (
            "2:3: github.acme.url: is missing; expected the organisation: https://github.com/acme, "
            "https://acme.ghe.com/acme, or https://ghes.example/acme"
        ),
        "3:5: github.acme.ulr: unknown key; did you mean 'url'?",
        "6:8: clusters.eu.regoin: unknown key; did you mean 'region'?",
        "7:40: clusters.us.runner_namespaces: expected a list, such as [a, b], found 'one'",
        "10:11: pools.linux.mode: expected one of observe, propose, auto, found 'autoo'; did you mean 'auto'?",
        (
            "11:20: pools.linux.confirm_after: expected a duration such as 250ms, 15s, 2m, 1h or 1h30m, or a number of"
            " seconds, found '3 minutes'"
        ),
        "13:37: pools.linux.members[0].runner_group: expected text, found a list",
        "14:9: pools.linux.members[1].cluster: is missing; expected one of the clusters above",
        "18:1: logg: unknown key; did you mean 'log'?",
    ]


def test_rules_are_tried_on_what_is_right() -> None:
    text = changed("runner_group: arc-eu}", "runner_group: arc-eu, colour: red}") + "timing: {poll: 60s}\nlogg: 1\n"
    text = changed("cluster: us", "cluster: uss", text) + "web: {listen: x}\n"
    keys = [problem.split(": ")[1] for problem in problems(text)]
    assert keys == [
        "pools.linux.members[0].colour",
        "pools.linux.members[1].cluster",
        "timing.poll",
        "logg",
        "web.listen",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("token_file: token", "token_file: [a]", "2:52: github.acme.token_file: expected text, found a list"),
        ("token_file: token", "token_file: ''", "github.acme.token_file: expected some text, found none"),
        ("token_file: token", "token_file: ~nobody-here/t", "no home directory for '~nobody-here'"),
        ("eu: {context: eu}", "eu: nothing", "clusters.eu: expected a mapping, 'key: value', found 'nothing'"),
        ("  us: {", "  u s: {context: x}\n  us: {", "5:3: clusters.u s: 'u s' is no name; expected letters"),
        (
            "eu: {context: eu}",
            "eu: {in_cluster: perhaps}",
            "clusters.eu.in_cluster: expected true or false, found 'perhaps'",
        ),
        ("linux:\n", "linux:\n    confirm_readings: many\n", "confirm_readings: expected a whole number, found 'many'"),
        ("linux:\n", "linux:\n    confirm_readings: 0\n", "confirm_readings: expected at least 1, found '0'"),
        ("linux:\n", "linux:\n    verify_within: 0s\n", "verify_within: expected a duration above zero"),
        (
            "linux:\n",
            "linux:\n    cooldown: {a: b}\n",
            "cooldown: expected a duration such as 15s or 2m, found a mapping",
        ),
        (
            "linux:\n",
            "linux:\n    canary_repositories: [a/b/c]\n",
            "canary_repositories[0]: expected a repository's name",
        ),
        ("pools:\n", "web: {listen: 9630}\npools:\n", "web.listen: expected host:port such as 127.0.0.1:9630"),
        ("pools:\n", "web: {listen: 'a:70000'}\npools:\n", "web.listen: expected host:port such as 127.0.0.1:9630"),
        (
            "pools:\n",
            "log: {level: loud}\npools:\n",
            "log.level: expected one of debug, info, warning, error, found 'loud'",
        ),
        ("pools:\n", "alertmanager: {urls: ['am:9093']}\npools:\n", "alertmanager.urls[0]: expected a URL such as"),
        ("pools:\n", "alertmanager: {labels: {a-b: c}}\npools:\n", "alertmanager.labels.a-b: expected a label's name"),
    ],
)
def test_a_wrong_value_says_what_was_expected(old: str, new: str, expected: str) -> None:
    (problem,) = problems(changed(old, new))
    assert expected in problem


@pytest.mark.parametrize(
    "text", ["github:\n  acme: {}\n", "clusters: {}\npools: {}\ngithub: {}\n", "github:\nclusters:\n"]
)
def test_empty_parts_are_problems_and_no_crash(text: str) -> None:
    assert problems(text)


@given(data=st.data())
def test_any_damage_to_a_file_is_told_as_problems(data: st.DataObject) -> None:
    words = st.sampled_from(
        ["", "x", "[]", "{}", "~", "eu-west", "auto", "0", "15s", "off", "[[1]]", "{a: b}", ": ", "- "]
    )
    pieces = re.split(r"([\w./-]+)", FULL)
    for place in data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=6)):
        pieces[place] = data.draw(words)
    try:
        settings = parse("".join(pieces), SOURCE)
    except ConfigError:
        return
    assert parse(show(settings), SOURCE) == settings


def test_a_token_in_the_wrong_place_is_refused_and_never_repeated() -> None:
    token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    for key in ("token_file", "token_env"):
        (problem,) = problems(changed("token_file: token", f"{key}: {token}"))
        assert "looks like a token itself" in problem
        assert "0123456789" not in problem
    everywhere = (
        f"github: {{acme: {{url: {token}, token: {token}}}}}\ntiming: {{poll: {token}}}\nlog: {{level: {token}}}\n"
    )
    assert "0123456789" not in "".join(problems(everywhere))


def test_a_file_is_read_and_its_paths_are_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "c.yaml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    monkeypatch.chdir(tmp_path)
    settings = load("conf/c.yaml")
    assert settings.source == "conf/c.yaml"
    assert settings.connections["acme"].token_file == str(tmp_path / "conf" / "token")


def test_files_that_can_t_be_read_are_problems_too(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(ConfigError, match=r"missing\.yaml:1:1: can't be read: No such file"):
        load(missing)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"binary\.yaml:2:1: not UTF-8 text"):
        load(binary)


def test_a_fleet_of_a_thousand_clusters_is_read() -> None:
    clusters = "".join(f"  c{n}: {{context: c{n}, region: r{n % 7}}}\n" for n in range(1000))
    members = "".join(f"      - {{cluster: c{n}, runner_group: g{n}}}\n" for n in range(1000))
    text = f"github:\n  acme: {{url: https://github.com/acme, token_file: t}}\nclusters:\n{clusters}"
    assert len(parse(f"{text}pools:\n  linux:\n    members:\n{members}", SOURCE).fleet.members) == 1000
