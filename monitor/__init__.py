"""Multi-cluster health monitor and failover daemon for GitHub Actions Runner Controller (ARC)."""

__version__ = "0.1.0"
