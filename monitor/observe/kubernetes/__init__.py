"""One cluster seen through its API server: transport, decoding, log reading, and the probe that ties them together."""
