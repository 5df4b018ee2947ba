"""Why a field or a whole request fails: a stable code, said to the client in the language of the request."""

import re
from dataclasses import dataclass
from typing import Final

from graphql import GraphQLError

from domain.errors import Refused, RequestErrorCode, damaged_message, damaged_tile_message, message, request_message
from domain.messages import in_language
from domain.text import Text
from domain.user import Language
from store.codec import RecordDamaged
from transparency.tile import TileMissing


@dataclass(eq=False)
class RequestError(Exception):
    """A failure that the client can understand. `detail` is for the developer who wrote the request, in English."""

    code: RequestErrorCode
    detail: str = ""


def bad_input(detail: str) -> RequestError:
    return RequestError(RequestErrorCode.BAD_USER_INPUT, detail)


def cause(error: GraphQLError) -> Exception | None:
    """What was raised in a resolver, below the layers that located it."""
    found: Exception | None = error
    while isinstance(found, GraphQLError):
        found = found.original_error
    return found


def shown(error: GraphQLError, language: Language, reference: str) -> dict[str, object]:
    """An error as the client sees it; `reference` stands for what is not said; `position` is where the record is damaged, `tile` what is of its tree."""
    code, text = _explained(error, language, reference)
    answer: dict[str, object] = {"message": text}
    if error.locations:
        answer["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        answer["path"] = error.path
    extensions: dict[str, object] = {"code": code.value}
    if code is RequestErrorCode.INTERNAL:
        extensions["reference"] = reference
    if isinstance(found := cause(error), RecordDamaged):
        extensions["position"] = str(found.position)
    if isinstance(found, TileMissing):
        extensions["tile"] = found.tile.path
    answer["extensions"] = extensions
    return answer


def is_internal(error: GraphQLError) -> bool:
    """Whether it is our fault: anything raised that was not meant for the client."""
    found = cause(error)
    return found is not None and not isinstance(found, RequestError | Refused | RecursionError)


def without_values(message: str) -> str:
    """What graphql-core says, without what the client had sent: it may be a password, and front ends log messages."""
    if len(message) > LONGEST_SAID:  # as what the client had sent is: patterns take their time with it
        half = LONGEST_SAID // 2
        message = f"{message[:half]}…{message[-half:]}"
    return _VALUE_OF_ENUM.sub("Value … ", _VALUE.sub(r"\1 …", message))


LONGEST_SAID: Final = 1_000  # characters
_KINDS: Final = "(?:String|Int|Float|BlockString)"
_VALUE: Final = re.compile(
    rf"([Ff]ound:|cannot represent [^:]{{0,60}}value:|, found {_KINDS}|Unexpected {_KINDS}) .*", re.DOTALL
)
_VALUE_OF_ENUM: Final = re.compile(r"Value '.*' (?=does not exist in )", re.DOTALL)


def _explained(error: GraphQLError, language: Language, reference: str) -> tuple[RequestErrorCode, str]:
    found = cause(error)
    match found:
        case None:  # said by graphql-core: the document or its variables are not valid
            return RequestErrorCode.BAD_USER_INPUT, _to_developer(without_values(error.message), language)
        case RecursionError():
            return RequestErrorCode.BAD_USER_INPUT, _to_developer("The operation is nested too deeply.", language)
        case RequestError():
            return found.code, in_language(request_message(found.code, detail=found.detail), language)
        case Refused():
            said = (in_language(message(problem), language) for problem in found.problems)
            return RequestErrorCode.BAD_USER_INPUT, ("؛ " if language is Language.AR else "; ").join(said)
        case RecordDamaged() | TileMissing():
            return RequestErrorCode.INTERNAL, in_language(_damage(found, reference), language)
        case _:
            code = RequestErrorCode.INTERNAL
            return code, in_language(request_message(code, ref=reference), language)


def _to_developer(detail: str, language: Language) -> str:
    """What is wrong with a document, in English; to others it says that much in Arabic."""
    if language is Language.EN:
        return detail
    return request_message(RequestErrorCode.BAD_USER_INPUT, detail=detail).ar


def _damage(found: RecordDamaged | TileMissing, reference: str) -> Text:
    if isinstance(found, RecordDamaged):
        return damaged_message(found.position, ref=reference)
    return damaged_tile_message(found.tile.path, found.tile.covers, ref=reference)
