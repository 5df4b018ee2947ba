"""graphql-codegen's client preset makes types of every document of the pages and of GraphiQL's tabs."""

import hashlib
import json
from pathlib import Path

from tests.clients.documents import write
from tests.npm import packages
from tests.test_readme import ROOT

CONFIG = {
    "schema": str(ROOT / "schema.graphql"),
    "documents": "documents/*.ts",
    "generates": {
        "gql/": {
            "preset": "client",
            "presetConfig": {"persistedDocuments": {"hashAlgorithm": "sha256"}, "fragmentMasking": False},
            "config": {
                "documentMode": "string",
                "strictScalars": True,
                "scalars": dict.fromkeys(("Date", "DateTime", "Decimal", "JSON", "Position", "Upload"), "string"),
            },
        }
    },
}


def test_every_document_is_compiled_and_has_its_hash_in_the_manifest(tmp_path: Path) -> None:
    names = write(tmp_path / "documents")
    (tmp_path / "codegen.json").write_text(json.dumps(CONFIG), "utf-8")
    done = packages.run("graphql-codegen", "--config", "codegen.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    manifest = json.loads((tmp_path / "gql" / "persisted-documents.json").read_text("utf-8"))
    assert list(manifest) == [f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" for text in manifest.values()]
    assert len(manifest) == len(names)
