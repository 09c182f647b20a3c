"""The registry of fault rules, most telling first: where several find something, the first one explains it."""

from monitor.assess.rule import Rule

RULES: tuple[Rule, ...] = ()
