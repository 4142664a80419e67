"""Tests of orders, payments and refunds."""
