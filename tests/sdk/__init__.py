"""Conformance with the SDKs that merchants already use: each unmodified, each in an environment of its own."""
