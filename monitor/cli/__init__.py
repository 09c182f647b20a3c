"""The command line: ``arc-monitor``."""
