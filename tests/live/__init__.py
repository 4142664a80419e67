"""The platform as real processes, and a receiver of its webhooks."""
