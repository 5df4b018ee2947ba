"""Groups of commands whose modules are imported when one of them is called: all together take a second."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperGroup


def lazy_group(modules: Mapping[str, str], **options: Any) -> typer.Typer:  # noqa: ANN401 (Typer's)
    """A group. `modules`: its commands, as they are listed, each with the module whose `app` it is, or has."""
    group = typer.Typer(cls=_lazily(modules), **options)
    group.callback()(lambda: None)  # without one it would be none, as no command is here yet
    return group


def _lazily(modules: Mapping[str, str]) -> type[TyperGroup]:
    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 (the library's)
            super().__init__(**attributes)
            self.commands = cast("Any", Commands(modules))

    return LazyGroup


class Commands(Mapping[str, Any]):
    """Commands by their names."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 (a command or a group)
        return _command(self._modules[name], name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


@cache
def _command(module: str, name: str) -> Any:  # noqa: ANN401 (a command or a group)
    app = import_module(module).app
    app.rich_markup_mode = None  # plain help, as of the whole program
    group = typer.main.get_group(app)
    return group if app.info.name == name else group.commands[name]
