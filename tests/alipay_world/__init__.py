"""Merchants and payers around the Alipay routes, in process: real engine, real database, requests as values."""
