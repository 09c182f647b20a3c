"""The only code that reads the world: clusters, GitHub, its status page. What goes wrong becomes a signal or a gap."""
