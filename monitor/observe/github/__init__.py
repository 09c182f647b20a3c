"""GitHub's REST API: credentials, a client that spends its budget with care, and the probe of a connection."""
