"""Tests of lenders, cards and credit lines."""
