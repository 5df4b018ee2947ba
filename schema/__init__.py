"""The GraphQL API: what clients see of everything below."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import strawberry
from graphql import DocumentNode, GraphQLError, GraphQLSchema, print_schema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionContext

from schema import enums, inputs  # before any type that has one of them for a field
from schema.account import AccountMutations
from schema.checkpoint import CheckpointQueries
from schema.events import EventQueries
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


class AsRead(SchemaExtension):
    """Carries out a document as it was read and checked before (see schema/document.py)."""

    def on_parse(self) -> Iterator[None]:
        operation = self.execution_context.context.operation
        self.execution_context.graphql_document = operation.document.ast
        self.execution_context.pre_execution_errors = []
        yield


class Execution(StrawberryGraphQLCoreExecutionContext):
    """Suggests no names for what is misspelt in variables where the schema is not to be explored."""

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,  # noqa: ANN401 (the library's signature)
        context_value: Any = None,  # noqa: ANN401
        *args: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        options["hide_suggestions"] = not context_value.services.explorable
        return super().build(schema, document, root_value, context_value, *args, **options)


@cache
def build_schema() -> strawberry.Schema:
    """The executable schema."""
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[AsRead],
        execution_context_class=Execution,
    )


def export() -> str:
    """The schema as SDL, always the same text for the same schema."""
    return print_schema(build_schema()._schema) + "\n"  # noqa: SLF001 (Strawberry's own printer leaves out interfaces)
