"""A real browser: Debian's chromium, driven by playwright."""
