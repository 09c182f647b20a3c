"""``python -m monitor`` is ``arc-monitor``."""

from monitor.cli.main import main

main()
