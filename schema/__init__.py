"""The GraphQL API: what clients see of everything below."""

from collections.abc import Iterator
from functools import cache
from typing import Final

import strawberry
from graphql import GraphQLError, OperationDefinitionNode, print_schema
from strawberry.extensions import AddValidationRules, MaxTokensLimiter, ParserCache, SchemaExtension, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionContext

from schema import enums, inputs  # before any type that has one of them for a field
from schema.account import AccountMutations
from schema.checkpoint import CheckpointQueries
from schema.events import EventQueries
from schema.limits import MOST_TOKENS, SizeLimits
from schema.node import NodeQueries
from schema.objection import ObjectionQueries
from schema.objection_change import ObjectionMutations
from schema.person import PersonQueries
from schema.read_model import ReadModelQueries
from schema.receipt import ReceiptQueries
from schema.scalars import SCALARS
from schema.service import ServiceQueries
from schema.session import SessionMutations
from schema.stream import StreamQueries
from schema.subscription import Subscription
from schema.user import UserMutations
from schema.violation import ViolationQueries
from schema.violation_change import ViolationMutations
from schema.visa import VisaQueries
from schema.visa_change import VisaMutations

__all__ = ["Mutation", "Query", "build_schema", "enums", "export", "inputs"]

# Built once: a rule that is a new class for each request would make every look into the validation cache miss.
RULES: Final = [SizeLimits]


@strawberry.type(
    description="What can be asked. Every field can be null by itself: one that fails leaves its neighbours alone."
)
class Query(
    PersonQueries,
    VisaQueries,
    ViolationQueries,
    ObjectionQueries,
    ServiceQueries,
    NodeQueries,
    EventQueries,
    ReceiptQueries,
    ReadModelQueries,
    StreamQueries,
    CheckpointQueries,
):
    pass


@strawberry.type(
    description="What can be done, one after another. A refused command answers `problems` and changes nothing."
)
class Mutation(
    SessionMutations, AccountMutations, UserMutations, VisaMutations, ViolationMutations, ObjectionMutations
):
    pass


class Schema(strawberry.Schema):
    """Leaves errors to the application, which knows whose fault they are and logs ours once."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing."""


class OneOperation(SchemaExtension):
    """Refuses a document with several operations when the request does not say which; Strawberry runs the first."""

    def on_parse(self) -> Iterator[None]:
        yield
        document = self.execution_context.graphql_document
        if document is None:
            return
        chosen = self.execution_context._provided_operation_name  # noqa: SLF001 (the other name is a guess)
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        if chosen is None and len(operations) > 1:
            raise CannotGetOperationTypeError(None)
        for operation in operations:
            name = operation.name.value if operation.name else None
            if chosen in {None, name}:
                self.execution_context.context.is_to_do(operation.operation.value, name)


@cache
def build_schema() -> strawberry.Schema:
    """The executable schema."""
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[
            lambda: AddValidationRules(list(RULES)),
            lambda: MaxTokensLimiter(MOST_TOKENS),
            OneOperation,
            ParserCache,
            ValidationCache,
        ],
    )


def export() -> str:
    """The schema as SDL, always the same text for the same schema."""
    return print_schema(build_schema()._schema) + "\n"  # noqa: SLF001 (Strawberry's own printer leaves out interfaces)
