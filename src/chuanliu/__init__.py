"""Chuanliu (川流): an open-source payment platform. Start at docs/ARCHITECTURE.md."""
