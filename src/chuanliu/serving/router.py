"""Paths to handlers. Exact paths are one dict look-up; templates such as `/v1/orders/{order_id}` come after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from chuanliu.errors import Invalid, NotFound
from chuanliu.serving.request import NO_PARAMS, Request
from chuanliu.serving.response import Response

Handler = Callable[[Request], Awaitable[Response]]


class MethodNotAllowed(Invalid):
    """The path exists, but not for this method. `allow` is the value of the `allow` header."""

    def __init__(self, allow: str) -> None:
        self.allow = allow
        super().__init__("method_not_allowed")


@dataclass(frozen=True, slots=True)
class Match:
    """A handler, its route (for counters), and the parameters of the path."""

    handler: Handler
    route: str
    params: Mapping[str, str]


@dataclass(slots=True)
class _Resource:
    route: str
    segments: tuple[str, ...]
    methods: dict[str, Match] = field(default_factory=dict)

    @property
    def allow(self) -> str:
        methods = {*self.methods, "OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        return ", ".join(sorted(methods))

    def params_of(self, parts: list[str]) -> dict[str, str] | None:
        """The parameters if the parts fit; a parameter is never empty."""
        params: dict[str, str] = {}
        for segment, part in zip(self.segments, parts, strict=True):
            if segment[:1] == "{":
                if not part:
                    return None
                params[segment[1:-1]] = part
            elif segment != part:
                return None
        return params


class Router:
    """Routes are added at start-up and looked up for every request."""

    def __init__(self) -> None:
        self._exact: dict[str, _Resource] = {}
        self._templates: dict[int, list[_Resource]] = {}

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Route a method (upper case) and a path to a handler. A segment in braces is a parameter.

        HEAD is answered by the handler of GET, and OPTIONS by the router. Where several templates fit a path, the
        one whose literal segments come first wins. Raises `ValueError` for a path that is malformed or taken.
        """
        if not path.startswith("/") or method != method.upper():
            raise ValueError(f"not a route: {method} {path}")
        segments = tuple(path.split("/"))
        names = [segment[1:-1] for segment in segments if "{" in segment or "}" in segment]
        well_formed = path.count("{") == path.count("}") == path.count("/{") == len(names)
        if not well_formed or len(set(names)) != len(names) or not all(name.isidentifier() for name in names):
            raise ValueError(f"bad parameter names in {path}")
        resource = self._resource(path, segments, templated=bool(names))
        if method in resource.methods:
            raise ValueError(f"route taken: {method} {path}")
        resource.methods[method] = Match(handler, path, NO_PARAMS)

    def _resource(self, path: str, segments: tuple[str, ...], *, templated: bool) -> _Resource:
        if not templated:
            return self._exact.setdefault(path, _Resource(path, segments))
        family = self._templates.setdefault(len(segments), [])
        shape = [segment[:1] == "{" or segment for segment in segments]
        for resource in family:
            if [segment[:1] == "{" or segment for segment in resource.segments] == shape:
                if resource.route != path:
                    raise ValueError(f"{path} and {resource.route} are the same route")
                return resource
        resource = _Resource(path, segments)
        family.append(resource)
        family.sort(key=lambda each: [segment[:1] == "{" for segment in each.segments])
        return resource

    def resolve(self, method: str, path: str) -> Match:
        """Find what answers. Raises `NotFound(route_not_found)` and `MethodNotAllowed`."""
        resource = self._exact.get(path)
        if resource is not None:
            match = resource.methods.get(method)
            return match if match is not None else self._other_method(resource, method, NO_PARAMS)
        parts = path.split("/")
        for resource in self._templates.get(len(parts), ()):
            params = resource.params_of(parts)
            if params is not None:
                match = resource.methods.get(method)
                if match is not None:
                    return Match(match.handler, match.route, params)
                return self._other_method(resource, method, params)
        raise NotFound("route_not_found")

    @staticmethod
    def _other_method(resource: _Resource, method: str, params: Mapping[str, str]) -> Match:
        if method == "HEAD" and "GET" in resource.methods:
            return Match(resource.methods["GET"].handler, resource.route, params)
        if method == "OPTIONS":
            allow = resource.allow

            async def options(_: Request) -> Response:
                return Response(204, [("allow", allow)])

            return Match(options, resource.route, params)
        raise MethodNotAllowed(resource.allow)
