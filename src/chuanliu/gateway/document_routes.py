"""OpenAPI documents on the wire."""

from __future__ import annotations

from typing import Any

import msgspec

from chuanliu.serving import Request, Response, Router


def serve_document(router: Router, path: str, document: dict[str, Any]) -> None:
    """Show a document at a path, to anybody."""
    encoded = msgspec.json.encode(document)

    async def show_document(request: Request) -> Response:
        del request
        return Response(200, [("content-type", "application/json"), ("cache-control", "max-age=300")], encoded)

    router.add("GET", path, show_document)
