"""At a release: the schema that is served becomes the one that later ones are compared with. See CONTRIBUTING.md."""

import sys
from datetime import datetime
from pathlib import Path

from graphql import build_schema

from domain.calendar import RIYADH
from schema import export
from tests.schema.evolution import problems, too_soon

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write released.graphql, unless clients would lose something too soon."""
    file, today = ROOT / "released.graphql", datetime.now(RIYADH).date()
    released, new = build_schema(file.read_text("utf-8")), build_schema(export())
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    if found := problems(released, new, changelog, today=today) + too_soon(released, new, today=today):
        sys.exit("\n".join(found))
    file.write_text(export(), "utf-8")


if __name__ == "__main__":
    main()
