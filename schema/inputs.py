"""The commands' inputs as the API has them: what each field means to a client."""

# ruff: noqa: S106 (descriptions of fields for passwords and tokens)

from dataclasses import fields
from typing import Any, Final, get_type_hints

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from commands.command import LocalizedTextInput
from commands.edit import (
    ChangeAddress,
    ChangeEmail,
    ChangeMobile,
    ChangePassword,
    NationalAddressInput,
    ResendCode,
)
from commands.erasure import ErasePerson
from commands.form import GlobalId
from commands.objection import (
    AppealObjection,
    DecideObjection,
    ObjectionNumberInput,
    RecordCourtDecision,
    RequestObjectionInformation,
    SubmitObjection,
    SupplyObjectionInformation,
)
from commands.reset import ConfirmPasswordReset, RequestPasswordReset
from commands.sign_in import Confirm, RefreshSession, SignIn
from commands.user import (
    AssignSponsor,
    CorrectPerson,
    EndSponsorship,
    GrantDelegation,
    GrantRole,
    RegisterUser,
    RevokeDelegation,
    RevokeRole,
    SetLanguage,
    UnlockAccount,
)
from commands.violation import (
    RecordNotification,
    RecordPayment,
    RecordRefund,
    RecordViolation,
    RequestPaymentExtension,
    VoidViolation,
)
from commands.visa import CancelVisa, ExtendVisa, IssueVisa, RecordMovement, VoidMovement, VoidVisa

SAME_EVERYWHERE: Final = {
    "idempotency_key": "A name of your own for this request, up to 200 characters: sent again with the same input it answers "
    "the first result and records nothing.",
    "challenge_id": "The id of the challenge.",
    "code": "The six digits; Arabic-Indic ones are accepted too.",
    "new_password": "The new password: 8 to 128 characters with upper and lower case letters and a digit.",
    "national_id": "National ID or Iqama number.",
    "sponsor_national_id": "National ID or Iqama number of the sponsor.",
    "violation_number": "The violation number.",
    "objection_number": "O and the violation number.",
    "attachments": "At most 5 files of PDF, JPEG or PNG, each up to 5 MB.",
}
"""What fields of these names mean where nothing else is said."""


def _describe(kind: type[Any], description: str, **of_fields: str) -> None:
    """Make an input's class the GraphQL input type of its name, without another class that repeats it."""
    shown = {field.name: field for field in fields(kind)}
    of_fields = {name: text for name, text in SAME_EVERYWHERE.items() if name in shown} | of_fields
    if of_fields.keys() != shown.keys():
        raise ValueError(f"{kind.__name__}: {of_fields.keys() ^ shown.keys()}")
    hints = get_type_hints(kind)
    kind.__strawberry_definition__ = StrawberryObjectDefinition(
        name=kind.__name__.removesuffix("Input") + "Input",
        is_input=True,
        is_interface=False,
        origin=kind,
        description=description,
        interfaces=[],
        extend=False,
        directives=(),
        is_type_of=None,
        resolve_type=None,
        fields=[
            StrawberryField(
                python_name=name,
                graphql_name=name.removesuffix("_") if name.endswith("_") else None,
                type_annotation=StrawberryAnnotation(strawberry.ID if hints[name] is GlobalId else hints[name]),
                description=of_fields[name],
                origin=kind,
            )
            for name in shown
        ],
    )


_describe(
    LocalizedTextInput,
    "Text in Arabic, in English or in both; at least one is needed.",
    ar="The text in Arabic.",
    en="The text in English.",
)

# Signing in

_describe(
    SignIn,
    "Who somebody says they are.",
    username="User name, or National ID or Iqama number.",
    password="The password.",
)
_describe(Confirm, "A code that was sent.")
_describe(
    RefreshSession,
    "Which session to renew.",
    refresh_token="The refresh token that was answered last; left out when it is in a cookie.",
)
_describe(RequestPasswordReset, "Whose password was forgotten.", mobile="The mobile number on record.")
_describe(ConfirmPasswordReset, "A code that was sent, and another password.")

# One's own account

_describe(ChangePassword, "Another password for one's own account.", current_password="The present password.")
_describe(ChangeEmail, "Another e-mail address for one's own account.", email="The new address.")
_describe(ChangeMobile, "Another mobile number for one's own account.", mobile="The new number, like 05XXXXXXXX.")
_describe(
    NationalAddressInput,
    "A Saudi National Address.",
    building_number="Four digits.",
    street="Name of the street.",
    district="Name of the district.",
    city="Name of the city.",
    postal_code="Five digits.",
    additional_number="Four digits.",
    unit_number="Number of the flat or office.",
    short_address="Four letters and the building number, like RRRD2929.",
)
_describe(ChangeAddress, "Another National Address for one's own account.", address="The new address.")
_describe(ResendCode, "What still waits for a code.")
_describe(SetLanguage, "The language to be written to in.", language="Arabic or English.")
_describe(
    GrantDelegation,
    "Whom to let use a service in one's place.",
    delegate_national_id="National ID or Iqama number of the delegate.",
    service="What they may use.",
    from_="The first day, not before today.",
    until="The last day.",
)
_describe(
    RevokeDelegation, "Which delegation to end; either side may.", delegation_id="Its id, as in User.delegations."
)

# For agencies and staff

_describe(
    RegisterUser,
    "A person who gets an account.",
    username="User name: 4 to 32 letters, digits, dots and underscores, the first a letter.",
    name="Full name.",
    mobile="Mobile number, like 05XXXXXXXX.",
    email="E-mail address.",
    language="The language to write to them in; Arabic when left out.",
    initial_password="The first password; without one the person sets it by a reset.",
)
_describe(
    CorrectPerson,
    "A name that was recorded wrongly.",
    name="The right name.",
    reason="Why it is corrected; kept with the fact.",
)
_describe(
    AssignSponsor,
    "Who answers for a resident.",
    national_id="Iqama number of the resident.",
    relation="What the sponsor is to the resident.",
)
_describe(EndSponsorship, "A sponsorship that has ended.", national_id="Iqama number of the resident.")
_describe(GrantRole, "A role for somebody, never for oneself.", role="The role.")
_describe(RevokeRole, "A role that somebody loses.", role="The role.")
_describe(UnlockAccount, "An account to unlock before its time.")
_describe(
    ErasePerson,
    "Somebody whose personal data is to be destroyed.",
    legal_basis="The law or decision that asks for it, 1 to 200 characters. It stays in the record: it must name nobody.",
)

# Visas

_describe(
    IssueVisa,
    "A visa that a sponsor or an officer asks for, or that the passports agency has issued.",
    replaces="Number of the void visa that this one corrects; for the passports agency.",
    number="The number it was issued under, of the passports agency; of all others left out: one is assigned.",
    holder_national_id="Iqama number of the resident who is to travel.",
    type="For one trip, or for several.",
    basis="How its time is given.",
    duration_days="For MONTHS 60, 90 or 120; for DAYS how many; for RETURN_BEFORE left out.",
    return_before="For RETURN_BEFORE the last day to be back; for others left out.",
    passport_number="Number of the holder's passport.",
    passport_expires_on="The last day on which the passport is valid.",
    iqama_expires_on="The last day on which the Iqama is valid.",
)
_describe(CancelVisa, "An unused visa to give back.", number="The visa number.")
_describe(
    ExtendVisa,
    "More time for somebody who is outside.",
    number="The visa number.",
    return_before="The new last day to be back: later than today and than the present one.",
    iqama_expires_on="The last day on which the Iqama is valid; it covers the new last day.",
)
_describe(
    RecordMovement,
    "Somebody who crossed the border under a visa.",
    visa_number="The visa number.",
    direction="Out or in.",
    port="Airport, seaport or border post.",
    at="When; not in the future.",
)
_describe(
    VoidVisa,
    "A visa that was recorded in error.",
    number="The visa number.",
    reason="Why, in both languages; kept with the fact.",
)
_describe(
    VoidMovement,
    "A crossing of the border that was recorded in error: the last one under its visa.",
    movement_id="Its id, as in Visa.movements.",
    reason="Why, in both languages; kept with the fact.",
)

# Violations

_describe(
    RecordViolation,
    "A violation that the traffic agency has recorded.",
    number="Its number: up to 32 letters, digits and dashes.",
    replaces="Number of the void violation that this one corrects, perhaps of another driver; left out for all others.",
    violator_national_id="National ID or Iqama number of the driver.",
    type_code="What was done: a code of `violationTypes`.",
    source="Who saw it.",
    occurred_at="When; not in the future.",
    location="Where.",
    plate="The vehicle's plate: three letters and up to four digits, in Arabic or Latin.",
    fine="The fine in SAR, within the range of its type.",
    notified_at="When the driver was notified; left out when that is still to come.",
    evidence="Pictures or documents: at most 5 of PDF, JPEG or PNG, each up to 5 MB.",
)
_describe(
    RecordNotification,
    "A violator who was notified: the first day of all periods.",
    notified_at="When; not in the future, and not before the violation.",
)
_describe(
    RecordPayment,
    "Money that was paid for a violation.",
    amount="How much, in SAR; left out, it is what was due at that moment.",
    paid_at="When; not in the future.",
    reference="The payment's own number, which makes it recognisable when it is reported again.",
)
_describe(
    RecordRefund,
    "Money that went back to a violator.",
    amount="How much, in SAR; at most what is to be paid back.",
    refunded_at="When; not in the future.",
    reference="The refund's own number, which makes it recognisable when it is reported again.",
)
_describe(
    VoidViolation,
    "A violation that was recorded in error, or against the wrong driver.",
    number="The violation number.",
    reason="Why, in both languages; kept with the fact.",
    legal_basis="The law or decision that asks for it.",
)
_describe(
    RequestPaymentExtension,
    "Further days to pay, once for a violation.",
    days="How many days from today: 1 to 90, and to a later day than the present last one.",
)

# Objections

_describe(
    SubmitObjection,
    "An objection to one's own violation.",
    reason="Why; `objectionForm` lists the reasons.",
    statement="In one's own words, at most 2,000 characters; needed with the reason OTHER.",
    accept_terms="Whether the terms of `objectionForm` are accepted.",
    terms_version="The version of the terms that were shown; left out, the present one.",
)
_describe(ObjectionNumberInput, "Which objection.")
_describe(
    SupplyObjectionInformation,
    "The answer to what the reviewer has asked.",
    statement="The answer, at most 2,000 characters.",
)
_describe(AppealObjection, "A decision that is taken to court.", grounds="Why, at most 2,000 characters.")
_describe(
    RequestObjectionInformation,
    "A question to the violator.",
    question="The question, at most 2,000 characters, which auditors read, too. The review goes on after ten days, answered or not.",
)
_describe(
    DecideObjection,
    "A decision about an objection under review.",
    outcome="What is decided.",
    explanation="Why, in both languages, each at most 2,000 characters; the violator and auditors read it.",
    modified_fine="With FINE_MODIFIED the new fine in SAR: within the range of the type, below the present one.",
    expected_version="The `version` of the objection that was looked at: what has changed since is a CONFLICT.",
)
_describe(
    RecordCourtDecision,
    "What the court has decided about an objection.",
    outcome="What was decided.",
    modified_fine="With MODIFIED the new fine in SAR: within the range of the type, below the present one.",
)
