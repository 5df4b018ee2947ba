"""Who may use which operation (the table “Who may do what” of the domain)."""

from collections.abc import Collection

from domain.actor import Actor, Role
from domain.catalogue import AGENCY_OPERATIONS

OPERATIONS: dict[str, frozenset[Role]] = {
    "issueVisa": frozenset({Role.PERSON, Role.PASSPORT_OFFICER}),
    "cancelVisa": frozenset({Role.PERSON, Role.PASSPORT_OFFICER}),
    "extendVisa": frozenset({Role.PERSON, Role.PASSPORT_OFFICER}),
    "requestPaymentExtension": frozenset({Role.PERSON}),
    "submitObjection": frozenset({Role.PERSON}),
    "supplyObjectionInformation": frozenset({Role.PERSON}),
    "withdrawObjection": frozenset({Role.PERSON}),
    "appealObjection": frozenset({Role.PERSON}),
    "startObjectionReview": frozenset({Role.TRAFFIC_OFFICER}),
    "requestObjectionInformation": frozenset({Role.TRAFFIC_OFFICER}),
    "decideObjection": frozenset({Role.TRAFFIC_OFFICER}),
    "recordCourtDecision": frozenset({Role.COURT_CLERK}),
    "grantRole": frozenset({Role.ADMINISTRATOR}),
    "revokeRole": frozenset({Role.ADMINISTRATOR}),
    "unlockAccount": frozenset({Role.ADMINISTRATOR}),
    "erasePerson": frozenset({Role.ADMINISTRATOR}),
    "changePassword": frozenset({Role.PERSON}),
    "changeEmail": frozenset({Role.PERSON}),
    "changeMobile": frozenset({Role.PERSON}),
    "changeAddress": frozenset({Role.PERSON}),
    "confirmChange": frozenset({Role.PERSON}),
    "setLanguage": frozenset({Role.PERSON}),
    "grantDelegation": frozenset({Role.PERSON}),
    "revokeDelegation": frozenset({Role.PERSON}),
}
"""Roles of people; what an agency may use is in `AGENCY_OPERATIONS`."""


class Forbidden(Exception):
    """The actor's role does not allow this operation at all."""


def roles_for(operation: str, roles: Collection[Role]) -> list[Role]:
    """The roles in which somebody may use an operation; who may do something as themselves tries that first.

    Raises:
        Forbidden: none of theirs allows it.
    """
    allowed = [role for role in Role if role in roles and role in OPERATIONS.get(operation, frozenset())]
    if not allowed:
        raise Forbidden(operation)
    return allowed


def require(actor: Actor, operation: str) -> None:
    """Let an actor through, or not.

    Raises:
        Forbidden: this role, or this agency, may never use the operation.
    """
    if actor.role is Role.AGENCY_FEED:
        allowed = operation in AGENCY_OPERATIONS.get(actor.subject, frozenset())
    else:
        allowed = actor.role in OPERATIONS.get(operation, frozenset())
    if not allowed:
        raise Forbidden(operation)
