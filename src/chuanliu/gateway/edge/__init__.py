"""The gateway's edge: whose request it is and of what class, before anything that costs; and honest refusals."""

from chuanliu.gateway.edge.edge_routes import Edge

__all__ = ["Edge"]
