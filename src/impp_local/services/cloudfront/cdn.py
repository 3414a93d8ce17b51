"""CloudFront as viewers see it: the delivery bucket, for requests with a valid signature.

A request is a viewer's when it comes to a distribution's own port (`GET /_impp/distributions` lists them), its Host is
a distribution's domain (or alias), or its path begins with `/_cloudfront/<distribution id>/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from impp_local.kernel.contract import AwsError, Call, Cloud, Response
from impp_local.services.cloudfront.api import KINDS, CloudFront, Kind, Resource
from impp_local.services.cloudfront.ports import Application, Ports
from impp_local.services.cloudfront.runtime import FunctionError, Runtime
from impp_local.services.cloudfront.visit import PREFIX, Visit
from impp_local.web.gateway import StartResponse, parse_head, send

DISTRIBUTIONS: Final = "/_impp/distributions"


class Cdn(CloudFront):
    """CloudFront with its control plane and its viewers."""

    kept = (*CloudFront.kept, "_known_ports")

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self._known_ports: dict[str, int] = {}
        self._runtime = Runtime()
        self._ports: Ports | None = None
        self._first_port = int(cloud.endpoint.rpartition(":")[2]) + 1

    def start(self) -> None:
        """Open the ports of the distributions that there are."""
        self._ports = Ports(self._known_ports, self._first_port)
        for distribution in self._of_kind(KINDS["Distribution"]):
            self._ports.open(distribution.id, self._application(distribution.id))

    def close(self) -> None:
        """Close ports and end the process that runs functions."""
        if self._ports:
            self._ports.close_all()
        self._runtime.close()

    def _create(self, kind: Kind, part: str, call: Call) -> Mapping[str, Any]:
        output = super()._create(kind, part, call)
        if kind.name == "Distribution" and self._ports:
            distribution_id = output["Distribution"]["Id"]
            self._ports.open(distribution_id, self._application(distribution_id))
        return output

    def _delete(self, kind: Kind, part: str, call: Call) -> None:
        super()._delete(kind, part, call)
        if self._ports:
            self._ports.close(call.params["Id"])

    def run(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """What the published function with an ARN returns for an event. Raises AwsError."""
        known, stage, store = self.live(function)
        try:
            return self._runtime.run(known.name, stage.etag, stage.code.decode(), event, store)
        except FunctionError as error:
            # "FunctionExecutionError" in CloudFront's logs; viewers get 503.
            raise AwsError("FunctionExecutionError", str(error), 503) from None

    def _application(self, distribution_id: str) -> Application:
        """What listens on a distribution's port."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            environ["RAW_URI"] = environ["REQUEST_URI"]
            call = parse_head(environ)
            path = environ["RAW_URI"].partition("?")[0]
            return send(self._visit(call, path, self.resource(distribution_id)), call.method, start_response)

        return application

    def page(self, call: Call) -> Response | None:
        """The answer to a viewer, or None for a request that no viewer sent."""
        path = call.environ["RAW_URI"].partition("?")[0]
        if path == DISTRIBUTIONS:
            return Response.of_json(self._ports.urls() if self._ports else {})
        host = call.headers.get("host", "").partition(":")[0].lower()
        by_path = path.startswith(PREFIX)
        if not by_path and not _may_be_viewer(host):
            return None
        if by_path:
            distribution_id, _, rest = path[len(PREFIX) :].partition("/")
            distribution = self.resource(distribution_id)
            path = f"/{rest}"
        else:
            distribution = self.distribution_of(host)
            if distribution is None and not host.endswith(".cloudfront.net"):
                return None
        return self._visit(call, path, distribution)

    def _visit(self, call: Call, path: str, distribution: Resource | None) -> Response:
        try:
            visit = Visit(call, path, self, distribution)
        except AwsError as error:
            return _error(error)
        try:
            return visit.answer()
        except AwsError as error:
            return visit.error_page(error) or _error(error)

    def has_host(self, name: str) -> bool:
        """Whether it is the domain or an alias of a distribution."""
        return self.distribution_of(name) is not None

    def pages(self) -> Mapping[str, str]:
        """The distributions."""
        return {
            f"GET {DISTRIBUTIONS}": "the address of each distribution, with a port of its own",
            f"GET {PREFIX}<distribution>/<path>": "what a distribution delivers, to a signed URL",
        }


def _may_be_viewer(host: str) -> bool:
    return bool(host) and not host.replace(".", "").isdigit() and host != "localhost" and "amazonaws" not in host


def _error(error: AwsError) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
    )
    headers = {"Content-Type": "text/xml", "X-Cache": "Error from cloudfront", "Server": "CloudFront"}
    return Response(error.status, headers, body.encode())
