"""What the client selected below a field."""

from collections.abc import Iterable, Iterator, Mapping

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionNode

from schema.context import Info


def selects(info: Info, *path: str) -> bool:
    """Whether a field is selected at a path below the present one. What @skip leaves out counts too."""
    raw = info._raw_info  # noqa: SLF001 (Info.selected_fields converts the whole tree)
    nodes = raw.field_nodes
    for name in path:
        nodes = [
            field
            for node in nodes
            if node.selection_set is not None
            for field in _fields(node.selection_set.selections, raw.fragments, set())
            if field.name.value == name
        ]
    return bool(nodes)


def _fields(
    selections: Iterable[SelectionNode], fragments: Mapping[str, FragmentDefinitionNode], seen: set[str]
) -> Iterator[FieldNode]:
    for selection in selections:
        match selection:
            case FieldNode():
                yield selection
            case InlineFragmentNode():
                yield from _fields(selection.selection_set.selections, fragments, seen)
            case FragmentSpreadNode() if selection.name.value not in seen:
                seen.add(selection.name.value)
                yield from _fields(fragments[selection.name.value].selection_set.selections, fragments, seen)
