"""Documents: what clients ask in, by its text or, of those that are trusted, by its id; read, checked and priced once."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
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
from schema.errors import without_values
from schema.limits import MOST_TOKENS, SizeLimits
from schema.literal import ValuesOfCorrectType
from schema.request import RequestRefused, Sent, bad_request, forbidden

logger = logging.getLogger(__name__)

MOST_KEPT: Final = 400_000
"""Characters of all documents that are kept, those used last; what is made of one takes some 300 bytes for each. So many
of trusted ones, too, and of others."""

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
MOST_ERRORS: Final = 10  # of one document: each takes as long as to read a short one
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
    ast: DocumentNode | None  # None: it is not valid
    errors: tuple[GraphQLError, ...]
    prices: Mapping[str | None, Price]  # of its operations, by their names

    @property
    def size(self) -> int:
        """In characters."""
        return len(self.text) + sum(len(error.message) for error in self.errors) + EACH


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


class Kept:
    """Documents that were read, those used last: of so many characters altogether."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._size = 0
        self.is_full = False  # it has had to let one go

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)

    def get(self, text: str) -> Document | None:
        if text in self._documents:
            self._documents.move_to_end(text)
        return self._documents.get(text)

    def add(self, document: Document) -> None:
        self._documents[document.text] = document
        self._size += document.size
        while self._size > self._most:
            _, oldest = self._documents.popitem(last=False)
            self._size -= oldest.size
            self.is_full = True

    def clear(self) -> None:
        self._documents.clear()
        self._size, self.is_full = 0, False


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
        self._kept, self._kept_trusted = Kept(MOST_KEPT), Kept(MOST_KEPT)
        self._told: set[str] = set()

    def operation(self, sent: Sent, pay: Callable[[int], None]) -> Operation:
        """The operation that was sent. `pay` is told the points for reading a document that is not kept.

        Raises:
            RequestRefused: its document is not known or not trusted, or it is none of the document's operations.
            Invalid: its document is not valid.
        """
        text, is_trusted = self._text(sent)
        document = self._document(text, is_trusted, pay)
        if document.ast is None:
            raise Invalid(document.errors)
        found = [
            node
            for node in document.ast.definitions
            if isinstance(node, OperationDefinitionNode)
            and (sent.name is None or (node.name is not None and node.name.value == sent.name))
        ]
        if len(found) != 1:
            one = "names none of" if sent.name else "is needed to choose one of"
            raise bad_request(f"`operationName` {one} the document's operations")
        if self._trusted_only is TrustedOnly.LOG and not is_trusted:
            self._tell(text, found[0])
        variables = sent.variables or {}
        name = found[0].name.value if found[0].name else None
        return Operation(document, found[0], variables, document.prices[name].of(variables))

    def forget(self) -> None:
        """Forget what was read and is not trusted: clients write values into documents, too, and somebody is erased."""
        self._kept.clear()

    def _text(self, sent: Sent) -> tuple[str, bool]:
        """The document's text, and whether it is trusted."""
        if sent.document_id is not None:
            text = self._trusted.get(PREFIX + sent.document_id.removeprefix(PREFIX))
            if text is None:
                raise RequestRefused(
                    HTTPStatus.NOT_FOUND,
                    RequestErrorCode.NOT_FOUND,
                    "no trusted document has this `documentId`: its release is not known here, or no more",
                )
            return text, True
        assert sent.query is not None, "one of the two was sent"  # noqa: S101
        is_trusted = bool(self._trusted) and id_of(sent.query) in self._trusted
        if self._trusted_only is TrustedOnly.YES and not is_trusted:
            raise forbidden("only trusted documents are carried out: send the `documentId` of one")
        return sent.query, is_trusted

    def _tell(self, text: str, node: OperationDefinitionNode) -> None:
        """Say once that a document is not trusted; not its text, which may hold values."""
        id = id_of(text)
        if id not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(id)
            name = node.name.value[:LONGEST_NAME] if node.name else "-"
            logger.warning("a document that is not trusted was carried out: %s, operation %s", id, name)
            if len(self._told) == MOST_TOLD:
                logger.warning("further documents that are not trusted are not named until this process starts again")

    def _document(self, text: str, is_trusted: bool, pay: Callable[[int], None]) -> Document:
        kept = self._kept_trusted if is_trusted else self._kept
        known = kept.get(text)
        if known is None:
            if not is_trusted or kept.is_full:  # the first time everybody needs it
                pay(READING)
            known = self._read(text)
            kept.add(known)
        return known

    def _read(self, text: str) -> Document:
        try:
            ast = parse(text, max_tokens=MOST_TOKENS)
        except GraphQLError as error:
            return Document(text, None, (_short(error),), {})
        except RecursionError:
            return Document(text, None, (GraphQLError("", original_error=RecursionError()),), {})
        errors = validate(self.schema, ast, self._rules, max_errors=MOST_ERRORS, hide_suggestions=not self._explorable)
        if errors:
            return Document(text, None, tuple(map(_short, errors)), {})
        return Document(text, ast, (), priced(self.schema, ast))


def _short(error: GraphQLError) -> GraphQLError:
    """An error as it is told, without what it was found in: frames, nodes and values."""
    return GraphQLError(without_values(error.message), source=error.source, positions=error.positions)
