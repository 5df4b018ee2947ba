"""What a query may ask at most, checked before it runs. Generous for people and for generated clients."""

from collections import Counter
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)
from graphql.validation.validate import ValidationAbortedError

LONGEST_PAGE: Final = 100  # entries of a list
MOST_TOKENS: Final = 3_000
LONGEST_DOCUMENT: Final = 65_536  # characters
DEEPEST: Final = 20  # the introspection query of GraphiQL has 14
MOST_ALIASES: Final = 100
MOST_ROOT_FIELDS: Final = 20  # each is a statement or more
MOST_DIRECTIVES: Final = 50
MOST_FIELDS: Final = 600  # counted where fragments are used
MOST_ALIKE: Final = 30  # fields of one name in one selection: each is compared with each


class Size:
    """Depth, aliases, fields, those at its root, and directives of a selection with everything its fragments bring.

    `names`: how often each name is answered at its root; `alike`: how often one is at most, anywhere.
    """

    __slots__ = ("aliases", "alike", "depth", "directives", "fields", "names", "roots")

    def __init__(self, depth: int = 0, aliases: int = 0, fields: int = 0, roots: int = 0, directives: int = 0) -> None:
        self.depth = depth
        self.aliases = aliases
        self.fields = fields
        self.roots = roots
        self.directives = directives
        self.alike = 0
        self.names: Counter[str] = Counter()

    def add(self, other: "Size") -> None:
        self.depth = max(self.depth, other.depth)
        # Fragments that use fragments twice grow without bounds: past the limit it does not matter how far.
        self.aliases = min(self.aliases + other.aliases, MOST_ALIASES + 1)
        self.fields = min(self.fields + other.fields, MOST_FIELDS + 1)
        self.roots = min(self.roots + other.roots, MOST_FIELDS + 1)
        self.directives = min(self.directives + other.directives, MOST_DIRECTIVES + 1)
        self.names.update(other.names)
        self.alike = max(self.alike, other.alike, *self.names.values(), 0)


class SizeLimits(ValidationRule):
    """Refuses operations that are too deep or too large, before other rules take their time with them.

    Each fragment is measured once, however often it is used.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._fragments: dict[str, Size | None] = {}

    def enter_document(self, document: DocumentNode, *_args: Any) -> None:  # noqa: ANN401 (the visitor's place)
        for node in document.definitions:  # fragments that nobody uses, too: the other rules look at them
            if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode):
                self._check(node)

    def _check(self, operation: OperationDefinitionNode | FragmentDefinitionNode) -> None:
        size = self._measure(operation.selection_set)
        around = [operation, *(operation.variable_definitions or ())]
        size.add(Size(directives=sum(len(node.directives or ()) for node in around)))
        for found, most, what in (
            (size.depth, DEEPEST, "levels"),
            (size.aliases, MOST_ALIASES, "aliases"),
            (size.fields, MOST_FIELDS, "fields"),
            (size.roots, MOST_ROOT_FIELDS, "fields at the root"),
            (size.directives, MOST_DIRECTIVES, "directives"),
            (size.alike, MOST_ALIKE, "fields of one name in one selection"),
        ):
            if found > most:
                raise ValidationAbortedError(f"The operation is too large: it has more than {most} {what}.", operation)

    def _measure(self, selection_set: SelectionSetNode) -> Size:
        size = Size()
        for selection in selection_set.selections:
            size.add(Size(directives=len(selection.directives or ())))
            match selection:
                case FieldNode():
                    size.add(self._field(selection))
                case InlineFragmentNode():
                    size.add(self._measure(selection.selection_set))
                case FragmentSpreadNode():
                    size.add(self._fragment(selection.name.value))
        return size

    def _field(self, node: FieldNode) -> Size:
        inner = self._measure(node.selection_set) if node.selection_set else Size()
        field = Size(inner.depth + 1, inner.aliases + bool(node.alias), inner.fields + 1, 1, inner.directives)
        field.alike = inner.alike
        field.names[(node.alias or node.name).value] = 1
        return field

    def _fragment(self, name: str) -> Size:
        if name not in self._fragments:
            self._fragments[name] = None  # being measured: a fragment that uses itself is refused by another rule
            fragment: FragmentDefinitionNode | None = self.context.get_fragment(name)
            self._fragments[name] = self._measure(fragment.selection_set) if fragment else Size()
        return self._fragments[name] or Size()
