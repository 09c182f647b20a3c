"""Benchmarks: figures of a whole poll cycle, of a failover and of a scrape; nothing here is installed or asserted."""
