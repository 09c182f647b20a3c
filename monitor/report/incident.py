"""The incident report: one switch written up in Markdown, from its intent and the history around it."""

import re
from collections.abc import Sequence

from monitor.model.switch import HistoryEntry, Intent, Outcome, StepAction, StepRecord, SwitchKind
from monitor.report.words import clock, date, plain, span

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~])")
_FENCING = frozenset({SwitchKind.FAILOVER, SwitchKind.DRAIN})
_ENDS = {
    Outcome.DONE: "The gates are as wanted and a job was seen to start at the target.",
    Outcome.INCOMPLETE: "The gates are as wanted, but no job was seen to start at the target in time.",
    Outcome.ROLLED_BACK: "The switch was taken back: the gates are as they were before it.",
    Outcome.ABANDONED: "The switch was given up; the gates may stand half-way. A person has to look.",
}


def incident(intent: Intent, history: Sequence[HistoryEntry] = ()) -> str:
    """The report of one switch as Markdown.

    Args:
        intent: the switch, ended or running.
        history: any lines of history; those of this switch, or of its pools during it, are taken.
    """
    parts = [
        _head(intent),
        "## What happened\n\n" + _text(intent.reason or "No reason was given."),
        "## Timeline (UTC)\n\n" + _timeline(intent, _of(intent, history)),
        "## Steps and calls\n\n" + _steps(intent),
        "## Before\n\n" + _before(intent),
        "## What is left to do\n\n" + _left(intent),
    ]
    return "\n\n".join(parts) + "\n"


def _head(intent: Intent) -> str:
    move = f"{_names(intent.source) or 'nowhere'} to {_names(intent.target) or 'nowhere'}"
    took = "still running" if intent.finished_at is None else span(intent.finished_at - intent.created_at)
    outcome = "running" if intent.outcome is None else str(intent.outcome)
    by = f"{_text(intent.by)} ({'automatic' if intent.automatic else 'asked for by a person'})"
    rows = [
        ("Switch", f"`{_code(intent.id)}`"),
        ("Pools", _names(intent.pools)),
        ("From, to", move),
        ("Because of", f"`{_code(intent.code)}`"),
        ("By", by),
        ("Order", str(intent.order)),
        ("Began", date(intent.created_at)),
        ("Took", took),
        ("Outcome", outcome),
        ("Epochs", ", ".join(f"{_text(pool)} {epoch}" for pool, epoch in intent.epochs.items())),
    ]
    if intent.undoes:
        rows.append(("Takes back", f"`{_code(intent.undoes)}`"))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"# {intent.kind.capitalize()} of {_names(intent.pools)}: {outcome}\n\n| | |\n|---|---|\n{table}"


def _timeline(intent: Intent, history: Sequence[HistoryEntry]) -> str:
    lines = [(intent.created_at, "intent written")]
    lines += [(record.at, f"{_text(record.step)}: {_text(record.text)}") for record in intent.records]
    lines += [(entry.at, f"{_text(entry.what)}: {_text(entry.sentence)}{_by(entry)}") for entry in history]
    if intent.finished_at is not None and intent.outcome is not None:
        lines.append((intent.finished_at, f"ended: {intent.outcome}"))
    start = intent.created_at
    rows = [f"| {clock(at)} | {_offset(at - start)} | {text} |" for at, text in sorted(lines, key=lambda line: line[0])]
    return "| time | from start | event |\n|---|---|---|\n" + "\n".join(rows)


def _steps(intent: Intent) -> str:
    if not intent.steps:
        return "No step was needed."
    return "\n".join(_step(intent, number) for number in range(len(intent.steps)))


def _step(intent: Intent, number: int) -> str:
    step = intent.steps[number]
    records: list[StepRecord] = [record for record in intent.records if record.step == step.name]
    state = f"done {clock(records[-1].at)}" if records else "not done"
    lines = [f"{number + 1}. **{_text(step.name)}** ({_names(step.members)}): {state}"]
    for record in records:
        lines += [f"   - {_text(record.text)}"] if record.text else []
        lines += [f"   - `{_code(call)}`" for call in record.calls]
    return "\n".join(lines)


def _before(intent: Intent) -> str:
    if not intent.before:
        return "No gate was read before the first write."
    rows = [
        (_text(str(image.gate)), str(image.group_id), image.visibility, str(len(image.repositories)), date(image.at))
        for image in intent.before
    ]
    head = "| gate | group id | visibility | repositories | read at |\n|---|---|---|---|---|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _left(intent: Intent) -> str:
    lines = []
    if intent.outcome is None:
        lines.append("The switch still runs: `arc-monitor status`.")
    else:
        lines.append(_ENDS[intent.outcome])
    undone = [step for step in intent.steps if step.name not in intent.finished]
    if intent.outcome is not None:
        lines += [f"Step not done: {_text(step.name)}." for step in undone]
        unverified = [step for step in undone if step.action is StepAction.VERIFY]
        lines += [f"Prove by a job that {_names(step.members)} serves." for step in unverified]
    if intent.kind in _FENCING:
        lines += [f"{_text(cluster)} stays fenced until a failback or a person clears it." for cluster in intent.source]
        back = f"arc-monitor switchover --back {_code(intent.id)}"
        lines.append(f"When {_names(intent.source)} is mended: `{back}`.")
    lines.append(
        "Jobs that were bound to the source before the switch stay bound to it: look for them and re-run them."
    )
    if intent.note and intent.outcome is not Outcome.DONE:
        lines.append(_text(intent.note))
    return "\n".join(f"- {line}" for line in lines)


def _of(intent: Intent, history: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    end = float("inf") if intent.finished_at is None else intent.finished_at
    return [
        entry
        for entry in history
        if entry.intent == intent.id
        or (not entry.intent and entry.pool in intent.pools and intent.created_at <= entry.at <= end)
    ]


def _by(entry: HistoryEntry) -> str:
    return f" (by {_text(entry.by)})" if entry.by else ""


def _offset(seconds: float) -> str:
    return f"-{span(-seconds)}" if seconds < 0 else f"+{span(seconds)}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(_text, names))


def _text(text: str) -> str:
    """Foreign text as Markdown that says just that."""
    return _SPECIAL.sub(r"\\\1", " ".join(plain(text).split()))


def _code(text: str) -> str:
    return " ".join(plain(text).split()).replace("`", "'").replace("|", "\\|")
