"""The domain's enums as the API has them: what each value means to a client."""

import re
from typing import Final

from access.reader import Purpose
from domain import errors
from domain.actor import Role
from domain.catalogue import ServiceSection
from domain.delegation import DelegatedService
from domain.dues import ViolationStatus
from domain.errors import ProblemCode
from domain.forecast import ViolationHypothesis, VisaHypothesis
from domain.formats import PersonKind
from domain.objection import CourtOutcome, ObjectionOutcome, ObjectionReason, ObjectionStatus
from domain.rules import DeadlineKind
from domain.user import AccountStatus, Language, SponsorRelation
from domain.violation import ViolationSource
from domain.visa import MovementDirection
from domain.visa_terms import VisaBasis, VisaStatus, VisaType
from schema.describe import describe

PLACEHOLDER: Final = re.compile(r"\{\w+\}")  # in a message; its value is that of the rule in force

describe(
    DeadlineKind,
    "What a deadline is for.",
    EXIT_BEFORE="The last day to leave on a visa that was not used yet.",
    RETURN_BEFORE="The last day to be back.",
    CANCEL_BEFORE="The last day to give an unused visa back.",
    EXTEND_BEFORE="The last day to ask for an extension of the visa.",
    OBJECT_BEFORE="The last day to object to the violation.",
    PAY_BEFORE="The last day to pay.",
    DISCOUNT_BEFORE="The last day on which paying earns the discount.",
    APPEAL_BEFORE="The last day to take the decision to court.",
    SUPPLY_INFORMATION_BEFORE="The last day to answer the reviewer's question.",
)
describe(
    ProblemCode,
    "Why a command is refused. Codes stay; new ones may be added.",
    **{code.name: f"{PLACEHOLDER.sub('…', errors.MESSAGES[code].en)}." for code in ProblemCode},
)
describe(
    PersonKind,
    "Whether somebody is a citizen or a resident.",
    CITIZEN="A citizen, with a National ID that begins with 1.",
    RESIDENT="A resident, with an Iqama number that begins with 2.",
)
describe(
    AccountStatus,
    "Whether an account can be used.",
    ACTIVE="It can.",
    LOCKED="Not for the moment: too many failed sign-ins.",
    ERASED="Its personal data was destroyed.",
)
describe(
    Language,
    "A language that the platform speaks.",
    AR="Arabic.",
    EN="English.",
)
describe(
    Role,
    "What somebody acts as.",
    PERSON="For themselves; everybody has this role.",
    PASSPORT_OFFICER="An officer of the passports department.",
    TRAFFIC_OFFICER="An officer of the traffic department.",
    COURT_CLERK="A clerk of the traffic court.",
    AGENCY_FEED="An agency's system that reports facts.",
    AUDITOR="Somebody who checks the record, and sees personal data masked.",
    ADMINISTRATOR="Somebody who manages accounts and roles.",
    SYSTEM="The platform itself, when time makes something true.",
)
describe(
    Purpose,
    "What an official looks at somebody's data for.",
    COUNTER_REQUEST="The person asked for it at a service counter.",
    CASE_REVIEW="A case is reviewed.",
    COURT_CASE="A case is before the court.",
    INVESTIGATION="Something is investigated.",
    AUDIT="The record is audited.",
    SUPPORT="The person needs help with the platform.",
)
describe(
    SponsorRelation,
    "Why somebody answers for a resident.",
    HEAD_OF_HOUSEHOLD="The head of the resident's household.",
    EMPLOYER="The resident's employer.",
)
describe(
    DelegatedService,
    "What somebody may do in another person's place.",
    VISA_INQUIRY="Ask for the status of their exit/re-entry visas.",
)
describe(
    VisaType,
    "How many trips a visa allows.",
    SINGLE="One trip.",
    MULTIPLE="Any number of trips until the visa expires.",
)
describe(
    VisaBasis,
    "How the time of a visa is given.",
    MONTHS="60, 90 or 120 days, counted from the first departure.",
    DAYS="A number of days, counted from the day of issue.",
    RETURN_BEFORE="Until a given day.",
)
describe(
    VisaStatus,
    "What has become of a visa.",
    ISSUED="Good, and not used yet.",
    DEPARTED="Its holder is outside, in time.",
    ACTIVE="Good for further trips; its holder is inside.",
    COMPLETED="Its holder came back, or it ran out with its holder inside.",
    CANCELLED="Given back unused.",
    LAPSED_UNUSED="Neither used nor given back in time.",
    EXPIRED_OUTSIDE="Its holder is outside and should be back.",
    EXITED_NOT_RETURNED="Its holder left and did not come back for two more months.",
    VOIDED="Recorded in error.",
)
describe(
    VisaHypothesis,
    "What could be done with a visa.",
    DEPART="Its holder leaves.",
    RETURN="Its holder comes back.",
    CANCEL="It is given back unused.",
    EXTEND="Its holder gets more time to come back.",
)
describe(
    MovementDirection,
    "Which way somebody crossed the border.",
    DEPARTURE="Out of the Kingdom.",
    RETURN="Into the Kingdom.",
)
describe(
    ViolationStatus,
    "Where a violation stands.",
    RECORDED="Recorded; the violator was not notified yet.",
    NOTIFIED="The violator was notified, and may pay or object.",
    UNDER_OBJECTION="An objection is open; the time to pay stands still.",
    FINAL_DUE="No longer open to objection, and to be paid.",
    EXTENDED="To be paid, in a longer time that was granted.",
    OVERDUE="Not paid in time.",
    ENFORCED="Passed on for seizure and enforcement.",
    PAID="Paid.",
    CANCELLED="Cancelled by a decision; nothing is due.",
    REFUND_PENDING="What was paid too much is to be paid back.",
    REFUNDED="What was paid too much was paid back.",
    VOIDED="Recorded in error, or against the wrong driver.",
)
describe(
    ViolationSource,
    "Who saw a violation.",
    SAHER="A camera of the automated monitoring system.",
    OFFICER="A traffic officer.",
    OTHER_AUTHORITY="Another authority.",
)
describe(
    ObjectionStatus,
    "Where an objection stands.",
    SUBMITTED="Waiting for the traffic department.",
    UNDER_REVIEW="A traffic officer reviews it.",
    INFO_REQUESTED="The reviewer asked the violator something.",
    ACCEPTED="Accepted: the violation is cancelled.",
    FINE_MODIFIED="Decided: another fine.",
    REJECTED="Rejected.",
    WITHDRAWN="Taken back by the violator.",
    APPEALED_TO_COURT="The decision was taken to court.",
    COURT_CANCELLED="The court cancelled the violation.",
    COURT_MODIFIED="The court set another fine.",
    COURT_UPHELD="The court upheld the decision.",
)
describe(
    ObjectionOutcome,
    "What an officer decides about an objection.",
    ACCEPTED="The violation is cancelled, and what was paid goes back.",
    FINE_MODIFIED="Another fine, lower than the present one.",
    REJECTED="The fine stays.",
)
describe(
    CourtOutcome,
    "What a court decides about an objection.",
    CANCELLED="The violation is cancelled, and what was paid goes back.",
    MODIFIED="Another fine, lower than the present one.",
    UPHELD="The officer's decision stays.",
)
describe(
    ViolationHypothesis,
    "What could be done about a violation.",
    PAY="What is due is paid.",
    OBJECT="The violator objects.",
    DECIDE_REJECTED="An officer rejects the objection; one that waits is taken up first.",
    REQUEST_PAYMENT_EXTENSION="The violator asks for further days to pay.",
)
describe(
    ObjectionReason,
    "Why somebody objects.",
    NOT_OWNER="The violator neither owns nor rents the vehicle.",
    NOT_AT_LOCATION="The violator was elsewhere.",
    NEVER_PASSED_SIGNAL="The violator never passed that signal.",
    PLATE_MISREAD="The plate was misread.",
    VEHICLE_SOLD="The vehicle was sold before.",
    VEHICLE_STOLEN="The vehicle was stolen at the time.",
    OTHER_DRIVER="Another authorised person was driving.",
    DUPLICATE="The same violation was recorded twice.",
    EMERGENCY="There was an emergency.",
    WRONG_CLASSIFICATION="It was recorded as the wrong kind of violation.",
    DEVICE_ERROR="The device that recorded it was faulty.",
    OTHER="Another reason, told in the statement.",
)
describe(
    ServiceSection,
    "Where the menu shows a service.",
    SERVICES="Under My Services: something to do.",
    INQUIRIES="Under My Services: something to ask.",
    ACCOUNT="Under the reader's own profile.",
)
