"""What a person reads: messages and reports, rendered from reports and events."""
