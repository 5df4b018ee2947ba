"""Documents: what clients ask in, by its text or, of those that are trusted, by its id; read, checked and priced once."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from graphql import (
    ASTValidationRule,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)
from graphql.language import DocumentNode
from strawberry import Schema
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from access.trusted import PREFIX, Trusted, TrustedOnly, id_of
from domain.errors import RequestErrorCode
from schema.cost import Price, priced
from schema.limits import MOST_TOKENS, SizeLimits
from schema.literal import ValuesOfCorrectType
from schema.request import RequestRefused, Sent, bad_request, forbidden

logger = logging.getLogger(__name__)

MOST_KEPT: Final = 400_000
"""Characters of all documents that are kept, those used last; what is made of one takes some 300 bytes for each."""

EACH: Final = 1_000
"""Characters that each counts beside its own: the smallest one takes so much memory, too."""

READING: Final = 100
"""Points for a document that is not kept: to read and check it takes as long as to carry out many."""

SESSION: Final = frozenset(
    {
        "signIn",
        "confirmSignIn",
        "resendCode",
        "refreshSession",
        "requestPasswordReset",
        "confirmPasswordReset",
        "signOut",
    }
)
MOST_TOLD: Final = 1_000  # documents
LONGEST_NAME: Final = 80  # characters

RULES: Final[tuple[type[ASTValidationRule], ...]] = (
    SizeLimits,
    *(rule for rule in specified_rules if rule is not ValuesOfCorrectTypeRule),
    ValuesOfCorrectType,
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
    cost: int  # in points, as the lengths of its lists are asked for

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def is_of_session(self) -> bool:
        """Whether it only signs somebody in, or goes on with that."""
        return all(
            isinstance(one, FieldNode) and one.name.value in SESSION for one in self.node.selection_set.selections
        )


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

    def operation(self, sent: Sent, pay: Callable[[int], None]) -> Operation:
        """The operation that was sent. `pay` is told the points for reading a document that is not kept.

        Raises:
            RequestRefused: its document is not known or not trusted, or it is none of the document's operations.
            Invalid: its document is not valid.
        """
        document = self._document(self._text(sent), pay)
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
        if self._trusted_only is TrustedOnly.LOG:
            self._tell(document.text, found[0])
        variables = sent.variables or {}
        name = found[0].name.value if found[0].name else None
        return Operation(document, found[0], variables, document.prices[name].of(variables))

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
        if self._trusted_only is TrustedOnly.YES and id_of(sent.query) not in self._trusted:
            raise forbidden("only trusted documents are carried out: send the `documentId` of one")
        return sent.query

    def _tell(self, text: str, node: OperationDefinitionNode) -> None:
        """Say once that a document is not trusted; not its text, which may hold values."""
        id = id_of(text)
        if id not in self._trusted and id not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(id)
            name = node.name.value[:LONGEST_NAME] if node.name else "-"
            logger.warning("a document that is not trusted was carried out: %s, operation %s", id, name)
            if len(self._told) == MOST_TOLD:
                logger.warning("further documents that are not trusted are not named until this process starts again")

    def _document(self, text: str, pay: Callable[[int], None]) -> Document:
        known = self._kept.get(text)
        if known is None:
            pay(READING)
            known = self._kept[text] = self._read(text)
            self._size += len(text) + EACH
            while self._size > MOST_KEPT:
                oldest, _ = self._kept.popitem(last=False)
                self._size -= len(oldest) + EACH
        else:
            self._kept.move_to_end(text)
        return known

    def _read(self, text: str) -> Document:
        try:
            ast = parse(text, max_tokens=MOST_TOKENS)
        except GraphQLError as error:  # without the frames that it was raised in, which would be kept with it
            return Document(text, None, (error.with_traceback(None),), {})
        except RecursionError:
            return Document(text, None, (GraphQLError("", original_error=RecursionError()),), {})
        errors = validate(self.schema, ast, self._rules, hide_suggestions=not self._explorable)
        return Document(text, ast, tuple(errors), {} if errors else priced(self.schema, ast))
