"""Tests of the engine: each of the eleven points of its design names a race or a stall, and has a test here."""
