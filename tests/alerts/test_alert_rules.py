"""Alert rules: promtool runs their tests; names, codes, metrics and runbooks agree with the code."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.assess import RULES
from monitor.report.alertmanager import SLUGS
from monitor.report.alerts import OF_FINDINGS, OTHER, PASSING_BLOCKS, SWITCH_BLOCKED, alert_of_finding
from monitor.report.metrics import METRICS, Kind

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "alerts" / "arc-monitor.rules.yaml"
TESTS = sorted((ROOT / "alerts" / "tests").glob("*.yaml"))
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]
}
METRIC = re.compile(r"\barc_monitor_[a-z0-9_]+")


def known_series() -> set[str]:
    names = {metric.name for metric in METRICS}
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            names |= {f"{metric.name}_{suffix}" for suffix in ("bucket", "sum", "count")}
    return names


def promtool(*arguments: str) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed: the alert rules were not tried")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.real("promtool")
def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", str(FILE))


@pytest.mark.real("promtool")
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    promtool("test", "rules", str(path))


@pytest.mark.real("alertmanager")
def test_amtool_takes_the_example() -> None:
    tool = shutil.which("amtool")
    if tool is None:
        pytest.skip("amtool is not installed: the Alertmanager example was not tried")
    config = str(ROOT / "alerts" / "alertmanager.example.yaml")
    assert subprocess.run([tool, "check-config", config], capture_output=True, check=False).returncode == 0
    for labels, receiver in {
        ("alertname=ArcMonitorWatchdog", "severity=info"): "dead-mans-switch",
        ("alertname=ArcMonitorMemberFailed", "severity=page"): "on-call",
        ("alertname=ArcMonitorStandbyNotReady", "severity=ticket"): "tickets",
        ("alertname=ArcMonitorSwitchRunning", "severity=info"): "channel",
    }.items():
        arguments = [tool, "config", "routes", "test", f"--config.file={config}", f"--verify.receivers={receiver}"]
        done = subprocess.run([*arguments, *labels], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_quiet_firing_and_over() -> None:
    quiet: set[str] = set()
    fires: set[str] = set()
    over: set[str] = set()
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            fired = False
            for check in test["alert_rule_test"]:
                name = check["alertname"]
                if check.get("exp_alerts"):
                    fires.add(name)
                    fired = True
                else:
                    (over if fired else quiet).add(name)
    always = {"ArcMonitorWatchdog"}
    assert fires == set(ALERTS)
    assert quiet == over == set(ALERTS) - always


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_uses_known_metrics_and_says_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    text = yaml.safe_dump(rule)
    assert set(METRIC.findall(text)) <= known_series()
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    severity = rule.get("labels", {}).get("severity")
    assert severity in {"page", "ticket", "info"} or "severity" in rule["expr"]


@pytest.mark.parametrize("name", ALERTS)
def test_the_runbook_of_an_alert_exists(name: str) -> None:
    url: str = ALERTS[name]["annotations"]["runbook_url"]
    assert url.startswith("https://github.com/arc-monitor/arc-monitor/blob/main/docs/runbooks/")
    page = url.rsplit("/", 1)[-1]
    if "{{" not in page:
        text = (ROOT / "docs" / "runbooks" / page).read_text()
        assert f"`{name}`" in text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_template_leads_every_code_to_its_runbook(rule: Any) -> None:
    slug = re.sub(r"([a-z])([A-Z])", r"\1-\2", rule.code.replace("GitHub", "Github")).lower()
    assert slug == rule.runbook
    assert (ROOT / "docs" / "runbooks" / f"{slug}.md").exists()


def test_pushed_alerts_lead_to_the_same_pages() -> None:
    for name, slug in SLUGS.items():
        assert ALERTS[name]["annotations"]["runbook_url"].endswith(f"/{slug}.md")


def test_rules_and_notifier_agree_which_code_belongs_to_which_alert() -> None:
    for name, codes in OF_FINDINGS.items():
        (pattern,) = re.findall(r'code=~"([^"]+)"', ALERTS[name]["expr"])
        assert set(pattern.split("|")) == set(codes)
    (others,) = re.findall(r'code!~"([^"]+)"', ALERTS[OTHER]["expr"])
    assert set(others.split("|")) == {code for codes in OF_FINDINGS.values() for code in codes}
    (passing,) = re.findall(r'code!~"([^"]+)"', ALERTS[SWITCH_BLOCKED]["expr"])
    assert set(passing.split("|")) == {str(code) for code in PASSING_BLOCKS}


def test_every_code_of_the_table_has_a_rule() -> None:
    assert {code for codes in OF_FINDINGS.values() for code in codes} <= {rule.code for rule in RULES}
    assert alert_of_finding("UnevenLoad") == OTHER
