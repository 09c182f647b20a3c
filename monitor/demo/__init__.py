"""The main job on a simulated world: the story that ``arc-monitor demo`` plays.

The world is served over real HTTP on loopback, and the daemon is ``arc-monitor run`` in a process of its own with an
ordinary configuration: nothing here takes a path that a real fleet would not.
"""

from monitor.demo.play import play

__all__ = ["play"]
