"""What is to happen: assessment + remembered situation + policy + now -> one decision per pool. Pure."""

from monitor.decide.decide import decide
from monitor.decide.situation import Situation

__all__ = ["Situation", "decide"]
