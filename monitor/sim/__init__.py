"""A simulated world (GitHub, its status page, clusters with ARC in them), for the demo and for tests."""
