"""Pure judgement: observations in, findings and verdicts out. No IO, no clock; time is an argument."""

from monitor.assess.gates import scope
from monitor.assess.memory import Memory, suspects
from monitor.assess.registry import RULES
from monitor.assess.rule import Rule
from monitor.assess.walk import assess

__all__ = ["RULES", "Memory", "Rule", "assess", "scope", "suspects"]
