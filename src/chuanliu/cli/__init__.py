"""The `chuanliu` command: one file a noun, mounted here."""

from chuanliu.cli.entry import app, main

__all__ = ["app", "main"]
