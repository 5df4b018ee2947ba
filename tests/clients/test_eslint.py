"""graphql-eslint finds nothing in the schema, by its recommended rules and those for Relay, but for the exceptions below."""

import json
import shutil
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from graphql import Node, parse
from graphql.language import FieldDefinitionNode, TypeDefinitionNode, Visitor, visit

from tests.npm import packages
from tests.test_readme import ROOT

SDL = (ROOT / "schema.graphql").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Excepted:
    """Findings that stay."""

    rule: str
    says: str  # words of the message
    at: str  # coordinates, separated by spaces; * stands for anything
    because: str

    def covers(self, finding: tuple[str, str, str]) -> bool:
        rule, says, at = finding
        return rule == self.rule and self.says in says and any(fnmatchcase(at, it) for it in self.at.split())


EXCEPTIONS = (
    Excepted(
        "strict-id-in-types",
        "must have exactly one",
        "*Connection *Edge PageInfo *Payload Update",
        "Pages and answers are nothing that a client could ask for again.",
    ),
    Excepted(
        "strict-id-in-types",
        "must have exactly one",
        "LocalizedText CalendarDate NationalAddress Plate Problem Rule Terms FieldChange Actor",
        "Values: two that are equal are the same.",
    ),
    Excepted(
        "strict-id-in-types",
        "must have exactly one",
        "Deadline Penalty VisaExtension VisaForecast ViolationForecast ObjectionAppeal ObjectionDecision "
        "ObjectionEligibility ObjectionInformation ObjectionQuota Receipt",
        "Parts of a case or of an account: clients keep them with the thing that they are part of.",
    ),
    Excepted(
        "strict-id-in-types",
        "must have exactly one",
        "Agency Service ViolationType ObjectionForm ObjectionReasonOption ReadModel SetAsideStream SkippedEvent "
        "StreamState Checkpoint ConsistencyProof",
        "Known by a code, a name, a position or what was asked for, as the contract has them.",
    ),
    Excepted(
        "relay-edge-types",
        "A list type should only wrap an edge type",
        "*.problems *.deadlines *.attachments *.roles *.roleLabels Violation.evidence Objection.information Visa.extensions "
        "Visa.movements Visa.refusedMovements Visa.penalties Event.about Event.changes AccessEntry.seen Problem.field "
        "ConsistencyProof.hashes",
        "A few, all of which a page shows: one case, or one event, has no more.",
    ),
    Excepted(
        "relay-edge-types",
        "A list type should only wrap an edge type",
        "Query.services Query.violationTypes Query.readModels Service.steps ObjectionForm.* ReadModel.*",
        "What the installation has, all at once: it does not grow with its people.",
    ),
    Excepted(
        "relay-edge-types",
        "A list type should only wrap an edge type",
        "Query.nodes Query.checkpoints User.delegations",
        "As many as were asked for, with a limit that the description names.",
    ),
    Excepted(
        "relay-edge-types",
        "must implement `Node` interface",
        "AccessEdge",
        "An entry of the access log is not asked for by its id: it is shown to the person whose data was read, in their list.",
    ),
    Excepted(
        "relay-arguments",
        "must contain an argument `last`",
        "Query.visas User.mayAskAbout User.accessLog *.history",
        "Read from the newest on, as the contract has them; Relay pages them forwards.",
    ),
    Excepted(
        "relay-arguments",
        "must contain an argument `before`",
        "Query.visas User.mayAskAbout User.accessLog *.history",
        "As above.",
    ),
    Excepted(
        "no-typename-prefix",
        "starts with the name of the parent type",
        "User.username",
        "One word of the language, and the contract's.",
    ),
    Excepted(
        "naming-convention",
        'should not have "Type" suffix',
        "ViolationType",
        "The type of a violation, as the law lists them; the contract's name.",
    ),
)


def findings(folder: Path, sdl: str) -> set[tuple[str, str, str]]:
    """What the rules say of a schema: rule, message, and the coordinate it is about."""
    shutil.copy(Path(__file__).with_name("eslint.config.js"), folder)
    (folder / "schema.graphql").write_text(sdl, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    done = packages.run("eslint", "schema.graphql", "--format", "json", cwd=folder)
    assert done.stdout, done.stderr
    (file,) = json.loads(done.stdout)
    where = coordinates(sdl)
    return {
        (str(it["ruleId"]).removeprefix("@graphql-eslint/"), it["message"], where[it["line"]])
        for it in file["messages"]
    }


def coordinates(sdl: str) -> dict[int, str]:
    """Line → the type or field that it belongs to."""
    found: dict[int, str] = {}

    class Lines(Visitor):
        type = ""

        def enter(self, node: Node, *_: object) -> None:
            if isinstance(node, TypeDefinitionNode):
                self.type = name = node.name.value
            elif isinstance(node, FieldDefinitionNode):
                name = f"{self.type}.{node.name.value}"
            else:
                return
            assert node.loc
            found.update(dict.fromkeys(range(node.loc.start_token.line, node.loc.end_token.line + 1), name))

    visit(parse(sdl), Lines())
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str, str]]:
    return findings(tmp_path_factory.mktemp("eslint"), SDL)


def test_there_are_no_findings_but_those_that_are_excepted(found: set[tuple[str, str, str]]) -> None:
    assert sorted(it for it in found if not any(one.covers(it) for one in EXCEPTIONS)) == []


def test_every_exception_is_needed(found: set[tuple[str, str, str]]) -> None:
    assert [
        (one.rule, at)
        for one in EXCEPTIONS
        for at in one.at.split()
        if not any(Excepted(one.rule, one.says, at, "").covers(it) for it in found)
    ] == []


def test_what_the_rules_mind_is_found(tmp_path: Path, found: set[tuple[str, str, str]]) -> None:
    sdl = SDL.replace("  totalCount: Int!", "  total_count: Int!").replace("  durationDays: Int!", "  visaDays: Int!")
    new = {(rule, at) for rule, _, at in findings(tmp_path, sdl) - found}
    assert new == {
        ("naming-convention", "VisaConnection.total_count"),
        ("naming-convention", "ViolationConnection.total_count"),
        ("naming-convention", "ObjectionConnection.total_count"),
        ("naming-convention", "DependentConnection.total_count"),
        ("no-typename-prefix", "Visa.visaDays"),
    }
