"""The operator's desk: what its dashboards draw, for Grafana and for a page of its own."""
