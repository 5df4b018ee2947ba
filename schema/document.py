"""Documents: what clients ask in, by its text or, of those that are trusted, by its id; read, checked and priced once."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from graphql import (
    ASTValidationRule,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.language import DocumentNode
from strawberry import Schema
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from domain.errors import RequestErrorCode
from schema.cost import Price, priced
from schema.limits import MOST_TOKENS, SizeLimits
from schema.request import RequestRefused, Sent, bad_request, forbidden
from schema.trusted import PREFIX, Trusted, TrustedOnly, id_of

logger = logging.getLogger(__name__)

MOST_KEPT: Final = 1_000_000
"""Characters of all documents that are kept, those used last; what is made of them takes some thirty times as much memory."""

RULES: Final[tuple[type[ASTValidationRule], ...]] = (
    SizeLimits,
    *specified_rules,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text that was read and checked; with errors it is not carried out."""

    text: str
    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    prices: Mapping[str | None, Price]  # of its operations, by their names


@dataclass(frozen=True, slots=True)
class Operation:
    """What is to be carried out: one operation of a document, with its variables."""

    document: Document
    node: OperationDefinitionNode
    variables: dict[str, Any]

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def cost(self) -> int:
        """In points, as the lengths of its lists are asked for."""
        return self.document.prices[self.name].of(self.variables)


@dataclass(eq=False)
class Invalid(Exception):
    """A document that cannot be carried out."""

    errors: tuple[GraphQLError, ...]


class Documents:
    """Finds the operation that a request means."""

    def __init__(
        self,
        schema: Schema,
        *,
        trusted: Trusted,
        trusted_only: TrustedOnly = TrustedOnly.NO,
        explorable: bool = True,
    ) -> None:
        """Prepare to find.

        Args:
            schema: against which documents are checked.
            trusted: those that have ids.
            trusted_only: whether others are taken.
            explorable: whether the schema may be asked for what there is, and errors suggest names of it.
        """
        self.schema: GraphQLSchema = schema._schema  # noqa: SLF001 (it has no other way out)
        self._trusted = trusted
        self._trusted_only = trusted_only
        self._explorable = explorable
        self._rules = RULES if explorable else (*RULES, NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._size = 0  # characters
        self._told: set[str] = set()

    def operation(self, sent: Sent) -> Operation:
        """The operation that was sent.

        Raises:
            RequestRefused: its document is not known or not trusted, or it is none of the document's operations.
            Invalid: its document is not valid.
        """
        document = self._document(self._text(sent))
        if document.ast is None:
            raise Invalid(document.errors)
        found = [
            node
            for node in document.ast.definitions
            if isinstance(node, OperationDefinitionNode)
            and (sent.name is None or (node.name is not None and node.name.value == sent.name))
        ]
        if len(found) != 1:
            raise bad_request("`operationName` names none of the document's operations")
        if document.errors:
            raise Invalid(document.errors)
        return Operation(document, found[0], sent.variables or {})

    def forget(self) -> None:
        """Forget what was read: clients write values into documents, too, and somebody is erased."""
        self._kept.clear()
        self._size = 0

    def _text(self, sent: Sent) -> str:
        if sent.document_id is not None:
            text = self._trusted.get(PREFIX + sent.document_id.removeprefix(PREFIX))
            if text is None:
                raise RequestRefused(
                    HTTPStatus.NOT_FOUND,
                    RequestErrorCode.NOT_FOUND,
                    "no trusted document has this `documentId`: its release is not known here, or no more",
                )
            return text
        assert sent.query is not None, "one of the two was sent"  # noqa: S101
        if self._trusted_only is not TrustedOnly.NO and id_of(sent.query) not in self._trusted:
            if self._trusted_only is TrustedOnly.YES:
                raise forbidden("only trusted documents are carried out: send the `documentId` of one")
            self._tell(sent)
        return sent.query

    def _tell(self, sent: Sent) -> None:
        """Say once that a document is not trusted; not its text, which may hold values."""
        id = id_of(sent.query or "")
        if id not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(id)
            logger.warning("a document that is not trusted was carried out: %s, operation %s", id, sent.name or "-")

    def _document(self, text: str) -> Document:
        known = self._kept.get(text)
        if known is None:
            known = self._kept[text] = self._read(text)
            self._size += len(text)
            while self._size > MOST_KEPT:
                oldest, _ = self._kept.popitem(last=False)
                self._size -= len(oldest)
        else:
            self._kept.move_to_end(text)
        return known

    def _read(self, text: str) -> Document:
        try:
            ast = parse(text, max_tokens=MOST_TOKENS)
        except GraphQLError as error:
            return Document(text, None, (error,), {})
        except RecursionError as fault:
            return Document(text, None, (GraphQLError("", original_error=fault),), {})
        errors = validate(self.schema, ast, self._rules, hide_suggestions=not self._explorable)
        return Document(text, ast, tuple(errors), {} if errors else priced(self.schema, ast))


MOST_TOLD: Final = 1_000  # documents
