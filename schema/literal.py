"""Values that stand in a document: of a wrong one the client is told where it stands."""

from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputType,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VisitorAction,
)
from graphql.language import SKIP
from graphql.utilities.validate_input_value import validate_input_literal


class ValuesOfCorrectType(ValuesOfCorrectTypeRule):
    """The library's rule, which loses the place of what a scalar of ours refuses, and of a list in place of an enum's value."""

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> VisitorAction:
        """Report what is wrong with a value, inside of it too."""

        def report(error: GraphQLError, path: list[Any]) -> None:
            self.report_error(error if error.locations else GraphQLError(error.message, value_at(node, path)))

        if input_type is not None:
            validate_input_literal(node, input_type, report, None, None, self.context.hide_suggestions)
        return SKIP


def value_at(node: ValueNode, path: list[Any]) -> ValueNode:
    """The value inside another one to which a path of names and numbers leads; one that stands for a list is all of it."""
    for step in path:
        match node:
            case ObjectValueNode():
                node = next(field.value for field in node.fields if field.name.value == step)
            case ListValueNode():
                node = node.values[step]
    return node
