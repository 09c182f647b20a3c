"""Rewrite everything that is made from code: ``python -m tools.generate``; ``--check`` only says what is out of step.

What is made: the configuration example, the tables of metrics, alerts and findings, a runbook for each fault rule and
the index of runbooks, and the dashboards. Alerts, their tests and the alerts' own runbooks are written by hand.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from monitor.assess import RULES, Rule
from monitor.config import example
from monitor.model.verdict import Reaction, SubjectKind
from monitor.report.alerts import alert_of_finding
from monitor.report.metrics import FAMILIES
from tools.dashboards import fleet_overview

ROOT = Path(__file__).resolve().parent.parent
RULES_FILE = "alerts/arc-monitor.rules.yaml"
MADE = "<!-- Made by `python -m tools.generate`; change the code that it is made from. -->\n\n"

WHOSE = {
    SubjectKind.MEMBER: "Us: one pool in one cluster, or its configuration.",
    SubjectKind.CLUSTER: "Us: one cluster, or the way to it.",
    SubjectKind.POOL: "Something that all members share. Look for what is common before you look at one cluster.",
    SubjectKind.GITHUB: "Our access to GitHub: token, rights or budget. GitHub itself answers.",
    SubjectKind.OBSERVER: "Us: the daemon itself. It says nothing about clusters or GitHub.",
}
WHOSE_BY_CODE = {
    "GitHubUnwell": "GitHub. Do not restart listeners or move pools: nothing on our side mends it.",
    "ConflictEverywhere": "GitHub, most likely: clusters do not lose their sessions together by themselves.",
    "CredentialsRejectedEverywhere": "Us: the one App or token that all clusters use.",
}
DOES = {
    Reaction.NONE: "Nothing. It is shown because it explains what people wonder about.",
    Reaction.ALERT: "It tells people, and switches nothing: a switch would not mend this.",
    Reaction.HOLD: "It tells people and holds every switch that this concerns while it lasts.",
    Reaction.PROPOSE: "It proposes a switch and waits for a person.",
    Reaction.SWITCH_MEMBER: (
        "It asks for a switch of this pool. The switch begins once the fault has lasted, two independent paths agree, "
        "the target is ready, and no other condition blocks it; the pool's mode says whether a person is asked."
    ),
    Reaction.SWITCH_CLUSTER: (
        "It asks for a switch of every pool that is open in this cluster. Each begins once the fault has lasted, two "
        "independent paths agree, its target is ready, and nothing blocks it; the pool's mode says whether a person is "
        "asked."
    ),
}


METRICS_HEAD = """\
# Metrics

Served at `/metrics` as Prometheus text and OpenMetrics. Everything is made of the newest cycle: what is gone is gone
from the next scrape on, and what is not known is absent, never zero. A scrape answers 503 when cycles have stopped.
The numbers of enums never change.

With several replicas every one exports all of these; aggregate with `max by (...)`.
"""
ALERTS_HEAD = f"""\
# Alerts

The rules are in [`{RULES_FILE}`](../{RULES_FILE}), their tests in `alerts/tests`, an example of routing and inhibition
in `alerts/alertmanager.example.yaml`. arc-monitor also pushes findings and blocked or proposed switches to Alertmanager
itself, with the same names and labels, so that nobody is told twice.

`page`: users wait or protection is lost, and a person can do something now. `ticket`: to be mended in working hours.
`info`: worth knowing. Alerts made of findings take the finding's own severity.
"""
FINDINGS_HEAD = """\
# Findings

The faults that arc-monitor tells apart, most telling first: where several hold for one subject, the first explains the
others. Reaction and severity are the strongest that a rule may ask for. The last column names the failure scenarios
that a rule covers.

"""
EXPLAINS = """\
prints the evidence with its times, what was ruled out, and what comes next; the
status page shows the same. Trust the evidence over this page."""
STAYS_WELL = "A verdict also has to stay well for\n`clear_after` before it counts."


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with ``--check`` compare them; 1 when something was out of step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is out of step")
    check = parser.parse_args(arguments).check
    stale = [path for path, text in files().items() if _read(path) != text]
    for path in stale:
        if not check:
            target = ROOT / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files()[path], encoding="utf-8")
        sys.stdout.write(f"{'out of step' if check else 'written'}: {path}\n")
    return 1 if check and stale else 0


def files() -> dict[str, str]:
    """Every file that is made, by its path below the root."""
    made = {
        "config.example.yaml": example(),
        "docs/metrics.md": metrics_page(),
        "docs/alerts.md": alerts_page(),
        "docs/findings.md": findings_page(),
        "docs/runbooks/README.md": index_page(),
        "dashboards/fleet-overview.json": json.dumps(fleet_overview(), indent=2) + "\n",
    }
    return made | {f"docs/runbooks/{rule.runbook}.md": runbook(rule) for rule in RULES}


def metrics_page() -> str:
    """Every metric with its type, labels and meaning."""
    parts = [MADE, METRICS_HEAD]
    for title, family in FAMILIES.items():
        rows = [
            f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{name}`' for name in metric.labels)} | {metric.text} |"
            for metric in family.METRICS
        ]
        parts.append(
            f"\n## {title}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    parts.append("\nBeside these, the usual `process_*` metrics of the daemon: CPU, memory, open files, start.\n")
    return "".join(parts)


def alerts_page() -> str:
    """Every alert rule with its expression, as the rules file has it."""
    groups = yaml.safe_load((ROOT / RULES_FILE).read_text(encoding="utf-8"))["groups"]
    parts = [MADE, ALERTS_HEAD]
    for group in groups:
        rows = [_alert_row(rule) for rule in group["rules"]]
        head = "| alert | severity | after | runbook |\n|---|---|---|---|\n"
        parts.append(f"\n## {group['name']}\n\n{head}" + "\n".join(rows) + "\n")
    return "".join(parts)


def findings_page() -> str:
    """Every fault rule, in the order in which one explains another."""
    rows = [
        f"| [`{rule.code}`](runbooks/{rule.runbook}.md) | {rule.title} | {rule.looks_for} | {rule.reaction} "
        f"| {rule.severity} | {', '.join(rule.catalogue)} |"
        for rule in RULES
    ]
    head = "| code | fault | what it looks for | reaction | severity | scenarios |\n|---|---|---|---|---|---|\n"
    return MADE + FINDINGS_HEAD + head + "\n".join(rows) + "\n"


def index_page() -> str:
    """All runbooks: those of findings and those of alerts."""
    of_rules = {rule.runbook for rule in RULES}
    findings = [f"- [{rule.title}]({rule.runbook}.md) (`{rule.code}`, {rule.severity})" for rule in RULES]
    pages = sorted(path for path in (ROOT / "docs/runbooks").glob("*.md") if path.stem not in {*of_rules, "README"})
    alerts = [f"- [{path.read_text(encoding='utf-8').splitlines()[0].lstrip('# ')}]({path.name})" for path in pages]
    return (
        f"{MADE}# Runbooks\n\n## Findings\n\nMost telling first.\n\n"
        + "\n".join(findings)
        + "\n\n## Alerts\n\n"
        + "\n".join(alerts)
        + "\n"
    )


def runbook(rule: Rule) -> str:
    """The runbook of one fault rule."""
    commands = "\n".join(_hint(hint) for hint in rule.hints)
    sources = [source for source in rule.sources if not source.startswith("facts/")]
    alert = alert_of_finding(rule.code)
    until = f"When arc-monitor sees this: {_sentence(rule.evidence_against)} {STAYS_WELL}"
    parts = [
        f"{MADE}# {rule.title}",
        f"Finding `{rule.code}`, alert `{alert}`, up to severity {rule.severity}.",
        f"## What it means\n\narc-monitor looks for: {_sentence(rule.looks_for)}",
        f"## Is it us or GitHub?\n\n{WHOSE_BY_CODE.get(rule.code, WHOSE[rule.kind])}",
        f"## What arc-monitor does\n\n{DOES[rule.reaction]}",
        f"## What to look at\n\n`arc-monitor explain {_subject(rule.kind)}` {EXPLAINS}",
        f"## What to do\n\n{commands}" if commands else "",
        f"## When it resolves\n\n{until}",
        f"## Where this is known from\n\n{', '.join(sources)}" if sources else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _alert_row(rule: Mapping[str, Any]) -> str:
    url: str = rule["annotations"]["runbook_url"]
    page = url.rsplit("/", 1)[-1]
    link = "that of the code" if "{{" in url else f"[{page}](runbooks/{page})"
    severity = rule.get("labels", {}).get("severity", "the finding's")
    return f"| `{rule['alert']}` | {severity} | {rule.get('for', 'at once')} | {link} |"


def _hint(hint: str) -> str:
    """A command in a block of its own, a sentence as a sentence; names stay to be filled in."""
    commands = ("kubectl ", "helm ", "gh ", "arc-monitor ", "curl ")
    text = hint.replace("{", "<").replace("}", ">")
    return f"```sh\n{text}\n```\n" if text.startswith(commands) else f"{text}\n"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _subject(kind: SubjectKind) -> str:
    return {
        SubjectKind.MEMBER: "POOL@CLUSTER",
        SubjectKind.CLUSTER: "CLUSTER",
        SubjectKind.POOL: "POOL",
        SubjectKind.GITHUB: "CONNECTION",
        SubjectKind.OBSERVER: "arc-monitor",
    }[kind]


def _read(path: str) -> str | None:
    target = ROOT / path
    return target.read_text(encoding="utf-8") if target.exists() else None


if __name__ == "__main__":
    sys.exit(main())
