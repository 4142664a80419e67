"""The sandbox: merchants and consumers made once, and gentle traffic between them."""

from chuanliu.sandbox.seeding_client import seed_sandbox

__all__ = ["seed_sandbox"]
