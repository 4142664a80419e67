"""What a consumer who has signed in may see and set: the bill assistant's page, `/v1/bills` and `/v1/assistant`."""

from chuanliu.gateway.composition import Services
from chuanliu.gateway.consumer.assistant_routes import add_page_routes
from chuanliu.gateway.consumer.consumer_routes import OPERATIONS, add_api_routes, openapi_document
from chuanliu.gateway.consumer.off_routes import add_off_routes
from chuanliu.gateway.consumer.question_routes import add_question_routes
from chuanliu.serving import Router

__all__ = ["OPERATIONS", "add_routes", "openapi_document"]


def add_routes(router: Router, services: Services) -> None:
    """Its page and its API."""
    add_page_routes(router, services)
    add_off_routes(router, services)
    add_question_routes(router, services)
    add_api_routes(router, services)
