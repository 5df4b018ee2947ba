"""How a request is answered: status, headers, and errors as the client sees them."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

import msgspec
import psycopg
from graphql import GraphQLError
from starlette.responses import Response
from strawberry.types import ExecutionResult

from domain.errors import request_message
from domain.messages import in_language
from domain.user import Language
from schema.context import Context
from schema.errors import cause, is_internal, shown
from schema.negotiation import GRAPHQL, JSON
from schema.request import RequestRefused
from store.change import LogUnavailable
from store.database import DatabaseUnavailable
from store.faults import first_line

logger = logging.getLogger(__name__)

OF_THE_MOMENT: Final = (DatabaseUnavailable, LogUnavailable, psycopg.OperationalError)


class Answer:
    """To one request. Until it is known who asks, its context is nobody's."""

    __slots__ = ("context", "is_by_get", "media_type")

    def __init__(self, context: Context, media_type: str = JSON, *, is_by_get: bool = False) -> None:
        self.context = context
        self.media_type = media_type
        self.is_by_get = is_by_get

    def result(self, result: ExecutionResult) -> Response:
        if result.data is None:
            return self.invalid(result.errors or [])
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = self.shown(result.errors)
        return self._response(body, HTTPStatus.OK)

    def invalid(self, errors: Sequence[GraphQLError]) -> Response:
        """The document or its variables are not valid: nothing was executed."""
        # A client that knows only application/json takes any other status for a failure of the transport.
        return self._errors(errors, HTTPStatus.BAD_REQUEST if self.media_type == GRAPHQL else HTTPStatus.OK)

    def failed(self, fault: Exception) -> Response:
        """Nothing was executed, whosever fault it was."""
        return self._errors([GraphQLError(str(fault), original_error=fault)], HTTPStatus.INTERNAL_SERVER_ERROR)

    def refused(self, refused: RequestRefused) -> Response:
        headers = dict(refused.headers)
        if refused.retry_after_seconds is not None:
            headers["Retry-After"] = str(refused.retry_after_seconds)
        response = self._response(self.refusal(refused), refused.status)
        response.headers.update(headers)
        return response

    def refusal(self, refused: RequestRefused) -> dict[str, Any]:
        """The body of a refused request."""
        return {"errors": [refusal(refused, self.context.language)], "extensions": self.extensions()}

    def shown(self, errors: Sequence[GraphQLError]) -> list[dict[str, object]]:
        """The errors as the client sees them. What was not meant for the client is logged, once, under the call's id."""
        reference = str(self.context.call.correlation_id)
        for fault in {id(fault): fault for error in errors if is_internal(error) and (fault := cause(error))}.values():
            if isinstance(fault, OF_THE_MOMENT):  # one line: there may be very many
                logger.error("request failed, reference %s: %s", reference, first_line(fault))
            else:
                logger.error("request failed, reference %s", reference, exc_info=fault)
        return [shown(error, self.context.language, reference) for error in errors]

    def extensions(self) -> dict[str, object]:
        """What the answer is good for, the ids of what it shows as it was before, and what it has cost."""
        context = self.context
        extensions: dict[str, object] = {"position": str(context.position)}
        if context.not_current:
            extensions["notCurrent"] = sorted(context.not_current)
        if context.spent is not None:
            extensions["cost"] = asdict(context.spent)
        return extensions

    def _errors(self, errors: Sequence[GraphQLError], status: HTTPStatus) -> Response:
        faults = [cause(error) for error in errors if is_internal(error)]
        if faults:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        response = self._response({"errors": self.shown(errors)}, status)
        if faults and all(isinstance(fault, OF_THE_MOMENT) for fault in faults):
            response.status_code, response.headers["Retry-After"] = HTTPStatus.SERVICE_UNAVAILABLE, "1"
        return response

    def _response(self, body: dict[str, Any], status: HTTPStatus) -> Response:
        self.context.call.answer(body.get("errors", ()))
        body.setdefault("extensions", self.extensions())
        return Response(
            msgspec.json.encode(body),  # UTF-8, with Arabic letters as they are
            status,
            {
                "Content-Type": f"{self.media_type}; charset=utf-8",
                "Content-Language": self.context.language.value.lower(),
                "Vary": "Accept, Accept-Language, Authorization",
                "Cache-Control": "no-store",
            },
        )


def refusal(refused: RequestRefused, language: Language) -> dict[str, Any]:
    """A refused request as the client sees it."""
    message = in_language(request_message(refused.code, detail=refused.detail), language)
    extensions: dict[str, object] = {"code": refused.code.value, **refused.extensions}
    if refused.retry_after_seconds is not None:
        extensions["retryAfterSeconds"] = refused.retry_after_seconds
    return {"message": message, "extensions": extensions}
