"""What an operation costs, in points, known before it is carried out: each object that it may answer is one, and ten values are.

A list counts as many times as `first` or `last` says, or as there are ids; one that has no such bound counts as a few. What is dear
to find or to do has a price of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from schema.limits import LONGEST_PAGE

OBJECT: Final = 10  # tenths of a point
VALUE: Final = 1
MOST: Final = 5_000  # points of one operation
FEW: Final = 5  # entries of a list that has no bound among its arguments: delegations, movements, attachments
CHANGE: Final = 10  # each command
PRICES: Final = {
    "totalCount": 10,
    "history": 10,
    "events": 10,
    "replay": 50,
    "receipt": 20,
    "consistencyProof": 20,
    "whatIf": 10,
    "forecast": 10,
}
"""Of fields that take the database or the processor longer than a row: they count, replay, prove or foresee."""
OF_THE_SCHEMA: Final = 5  # each field below `__schema` and `__type`: most are asked of hundreds of types and fields
LONGEST_NUMBER: Final = 9  # digits
LENGTHS: Final = ("first", "last", "ids")

Length = int | str
"""How many entries a list has, or the variable that says so."""


@dataclass(slots=True)
class Price:
    """What a selection costs, in tenths of a point; `inside` it, each list as often as the longest of its bounds says."""

    own: int = 0
    inside: list[tuple[tuple[Length, ...], "Price"]] = field(default_factory=list)
    defaults: Mapping[str, object] = field(default_factory=dict)  # of variables

    def of(self, variables: Mapping[str, Any]) -> int:
        """Points, with these variables: at least one."""
        return max(1, ceil(self._of({**self.defaults, **variables}) / OBJECT))

    def _of(self, variables: Mapping[str, Any]) -> int:
        return self.own + sum(
            max(_length(length, variables) for length in lengths) * price._of(variables)  # noqa: SLF001
            for lengths, price in self.inside
        )


def priced(schema: GraphQLSchema, document: DocumentNode) -> dict[str | None, Price]:
    """The prices of the operations of a valid document, by their names."""
    return _Pricing(schema, document).operations()


def _length(length: Length, variables: Mapping[str, Any]) -> int:
    value = variables.get(length) if isinstance(length, str) else length
    if isinstance(value, list):
        value = len(value)
    # What is none is refused later: no longer list is ever answered. 100.0 is taken as 100.
    return int(min(max(value, 1), LONGEST_PAGE)) if isinstance(value, int | float) else 1


class _Pricing:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._roots = {schema.mutation_type, schema.subscription_type} - {None}
        self._changes = 0
        self._document = document
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }

    def operations(self) -> dict[str | None, Price]:
        found: dict[str | None, Price] = {}
        for node in self._document.definitions:
            if isinstance(node, OperationDefinitionNode):
                root = self._schema.get_root_type(node.operation)
                price = Price()
                self._changes = CHANGE * OBJECT if node.operation is not OperationType.QUERY else 0
                self._add(node.selection_set, root, price)
                price.defaults = {
                    one.variable.name.value: _written(one.default_value) for one in node.variable_definitions or ()
                }
                found[node.name.value if node.name else None] = price
        return found

    def _add(self, selected: SelectionSetNode, parent: Any, price: Price, page: tuple[Length, ...] = ()) -> None:  # noqa: ANN401 (a composite type)
        """Add what is selected of a type to a price; of a connection, `page` is the length of its lists."""
        for node in selected.selections:
            match node:
                case FieldNode():
                    self._add_field(node, parent, price, page)
                case InlineFragmentNode():
                    on = self._schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                    self._add(node.selection_set, on, price, page)
                case FragmentSpreadNode():
                    fragment = self._fragments[node.name.value]
                    on = self._schema.get_type(fragment.type_condition.name.value)
                    self._add(fragment.selection_set, on, price, page)

    def _add_field(self, node: FieldNode, parent: Any, price: Price, page: tuple[Length, ...]) -> None:  # noqa: ANN401
        price.own += OBJECT * PRICES.get(node.name.value, 0)
        if parent in self._roots:
            price.own += self._changes
        known = getattr(parent, "fields", {}).get(node.name.value)  # none: __typename, __schema
        if known is None or node.selection_set is None:
            price.own += VALUE + OBJECT * OF_THE_SCHEMA * self._count(node.selection_set)
            return
        kind, asked = get_named_type(known.type), _lengths_asked(node)
        own = 0 if kind.name.endswith("Edge") else OBJECT
        if is_list_type(get_nullable_type(known.type)):
            entry = Price(own)
            self._add(node.selection_set, kind, entry)
            price.inside.append((asked or page or (FEW,), entry))
        else:
            price.own += own
            self._add(node.selection_set, kind, price, asked)

    def _count(self, selected: SelectionSetNode | None) -> int:
        """The fields of a selection and of all inside it, which are of the schema."""
        count = 0
        for node in selected.selections if selected else ():
            match node:
                case FieldNode():
                    count += 1 + self._count(node.selection_set)
                case InlineFragmentNode():
                    count += self._count(node.selection_set)
                case FragmentSpreadNode():
                    count += self._count(self._fragments[node.name.value].selection_set)
        return count


def _lengths_asked(node: FieldNode) -> tuple[Length, ...]:
    """How many entries are asked for by arguments, or the variables that say so."""
    return tuple(
        argument.value.name.value if isinstance(argument.value, VariableNode) else _written(argument.value)
        for argument in node.arguments or ()
        if argument.name.value in LENGTHS
    )


def _written(value: ValueNode | None) -> int:
    """The length that is written in a document."""
    match value:
        case IntValueNode(value=number):
            return int(number) if len(number) <= LONGEST_NUMBER else LONGEST_PAGE
        case ListValueNode(values=values):
            return len(values)
    return 1
