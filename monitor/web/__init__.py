"""Read-only HTTP: metrics, health, the JSON API and the status page. Nothing here acts."""
