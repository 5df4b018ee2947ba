"""What the page says: titles of its sections, names of fields, and words for values that have no label elsewhere."""

from typing import Final

from access.attempts import CODES, DELEGATIONS, EDITS, MY_DATA, PASSWORD_TRIES, RESETS_PER_PERSON, UPLOADS
from domain.labels import LABELS
from domain.messages import TEXTS
from domain.text import Text

TITLE: Final = Text("نسخة من بياناتي", "A copy of my data")
INTRODUCTION: Final = Text(
    "كل ما هو مسجل عنك في هذا النظام وقت إعداد هذه النسخة. التواريخ والأوقات بتوقيت الرياض.",
    "Everything that this system holds about you at the time of this copy. Dates and times are Riyadh's.",
)
MADE_AT: Final = Text("أُعدّت في", "Made")
GOOD_FOR: Final = Text("حتى الموضع في السجل", "Up to position in the log")
NOTHING: Final = Text("لا يوجد شيء", "Nothing is held")
THE_END: Final = Text("نهاية النسخة", "End of the copy")
YES: Final = Text("نعم", "Yes")
NO: Final = Text("لا", "No")
YOU: Final = Text("أنت", "You")
RIYALS: Final = Text("ريال", "SAR")

SECTIONS: Final = {
    "account": Text("الحساب كما هو الآن", "The account as it is now"),
    "accountHistory": Text("ما سُجّل في حسابك", "What was recorded about your account"),
    "visas": Text("تأشيرات الخروج والعودة", "Exit/re-entry visas"),
    "violations": Text("المخالفات المرورية والاعتراض عليها", "Traffic violations and objections"),
    "counts": Text("ما يُحتسب من حالاتك", "What is counted of your cases"),
    "mentions": Text("ما يذكرك في سجلات غيرك", "Where other people's records name you"),
    "acts": Text("ما قمت به في سجلات غيرك", "What you did in other people's records"),
    "dueDays": Text("المواعيد القادمة لحالاتك", "Days on which something falls due"),
    "sessions": Text("جلسات الدخول", "Sessions"),
    "messages": Text("الرسائل المرسلة إليك", "Messages to you"),
    "codes": Text("رموز التحقق", "Verification codes"),
    "limits": Text("المحاولات المحتسبة", "Attempts that are counted"),
    "refusedSignIns": Text("محاولات الدخول المرفوضة", "Refused sign-ins"),
    "passwords": Text("كلمة المرور", "Password"),
    "claims": Text("ما يُعرف به حسابك وحده", "What leads to your account alone"),
    "accessLog": Text("من اطّلع على بياناتك", "Who looked at your data"),
    "looks": Text("اطّلاعك على بيانات غيرك بحكم العمل", "Your looks at other people's data in office"),
}

FIELDS: Final = {
    "id": Text("المعرّف", "Id"),
    "position": Text("الموضع في السجل", "Position in the log"),
    "occurredAt": Text("وقت الحدوث", "Happened"),
    "recordedAt": Text("وقت التسجيل", "Recorded"),
    "happenedAndRecorded": Text("وقت الحدوث والتسجيل", "Happened and recorded"),
    "actor": Text("مَن قام به", "Done by"),
    "title": Text("ما حدث", "What happened"),
    "number": Text("الرقم", "Number"),
    "status": Text("الحالة", "State"),
    "files": Text("الملفات", "Files"),
    # The account
    "nationalId": Text("رقم الهوية", "ID number"),
    "username": Text("اسم المستخدم", "User name"),
    "name": Text("الاسم", "Name"),
    "mobile": Text("رقم الجوال", "Mobile number"),
    "email": Text("البريد الإلكتروني", "E-mail"),
    "address": Text("العنوان الوطني", "National Address"),
    "kind": Text("النوع", "Kind"),
    "language": Text("لغة المراسلة", "Language"),
    "roles": Text("الأدوار", "Roles"),
    "role": Text("الدور", "Role"),
    "sponsors": Text("رب الأسرة أو صاحب العمل", "Head of household or employer"),
    "delegations": Text("التفاويض", "Delegations"),
    "lockedUntil": Text("الحساب مقفل حتى", "Locked until"),
    "relation": Text("العلاقة", "Relation"),
    "sponsorId": Text("معرّف رب الأسرة أو صاحب العمل", "Id of the head of household or employer"),
    "delegationId": Text("معرّف التفويض", "Id of the delegation"),
    "delegateId": Text("معرّف المفوَّض", "Id of the delegate"),
    "service": Text("الخدمة", "Service"),
    "fromDay": Text("من تاريخ", "From"),
    "untilDay": Text("حتى تاريخ", "Until"),
    "refused": Text("عدد المحاولات المرفوضة", "Refused attempts"),
    "since": Text("منذ", "Since"),
    "until": Text("حتى", "Until"),
    "buildingNumber": Text("رقم المبنى", "Building number"),
    "street": Text("الشارع", "Street"),
    "district": Text("الحي", "District"),
    "city": Text("المدينة", "City"),
    "postalCode": Text("الرمز البريدي", "Postal code"),
    "additionalNumber": Text("الرقم الإضافي", "Additional number"),
    "unitNumber": Text("رقم الوحدة", "Unit number"),
    "shortAddress": Text("العنوان المختصر", "Short address"),
    # Visas
    "holderId": Text("معرّف صاحب التأشيرة", "Id of the holder"),
    "type": Text("النوع", "Type"),
    "basis": Text("أساس المدة", "Basis of the duration"),
    "issuedOn": Text("تاريخ الإصدار", "Issue date"),
    "durationDays": Text("المدة بالأيام", "Duration in days"),
    "exitBefore": Text("المغادرة قبل تاريخ", "Exit before"),
    "returnBefore": Text("العودة قبل تاريخ", "Return before"),
    "fee": Text("الرسوم", "Fee"),
    "passportNumber": Text("رقم جواز السفر", "Passport number"),
    "passportExpiresOn": Text("انتهاء صلاحية الجواز", "Passport valid until"),
    "iqamaExpiresOn": Text("انتهاء صلاحية الإقامة", "Iqama valid until"),
    "replaces": Text("بدلًا من", "In place of"),
    "departuresFrom": Text("المغادرة ابتداءً من", "Departures from"),
    "cancelledOn": Text("تاريخ الإلغاء", "Cancelled on"),
    "movementId": Text("معرّف العبور", "Id of the movement"),
    "direction": Text("الاتجاه", "Direction"),
    "port": Text("المنفذ", "Port"),
    "at": Text("الوقت", "Time"),
    "departedAt": Text("وقت المغادرة", "Departed"),
    "returnedAt": Text("وقت العودة", "Returned"),
    "reversesPenalty": Text("تُلغى غرامة عدم الاستخدام", "The penalty for not using it is reversed"),
    "completed": Text("انتهت التأشيرة بالعودة", "The visa is completed"),
    "reason": Text("السبب", "Reason"),
    "extendedOn": Text("تاريخ التمديد", "Extended on"),
    "lapsedOn": Text("تاريخ الانتهاء دون استخدام", "Expired unused on"),
    "penalty": Text("غرامة عدم الاستخدام أو الإلغاء", "Penalty for not using or cancelling"),
    "lapse": Text("عدد مرات عدم الاستخدام", "Times that a visa expired unused"),
    "expiredOn": Text("تاريخ الانتهاء", "Expired on"),
    "overdueOn": Text("متأخر ابتداءً من", "Overdue since"),
    # Violations
    "violatorId": Text("معرّف المخالف", "Id of the violator"),
    "typeCode": Text("نوع المخالفة", "Type of violation"),
    "source": Text("مصدر الرصد", "Source"),
    "location": Text("موقع المخالفة", "Location"),
    "plate": Text("رقم اللوحة", "Plate number"),
    "fine": Text("مبلغ الغرامة", "Fine amount"),
    "minFine": Text("الحد الأدنى للغرامة", "Minimum fine"),
    "maxFine": Text("الحد الأعلى للغرامة", "Maximum fine"),
    "points": Text("النقاط المرورية", "Traffic points"),
    "discountable": Text("يشملها التخفيض", "May be discounted"),
    "evidence": Text("الأدلة", "Evidence"),
    "notifiedOn": Text("تاريخ الإبلاغ", "Notified on"),
    "objectBefore": Text("آخر موعد للاعتراض", "Object before"),
    "payBefore": Text("آخر موعد للسداد", "Pay before"),
    "discountBefore": Text("آخر موعد للاستفادة من التخفيض", "Discount before"),
    "settledOn": Text("تاريخ السداد", "Settled on"),
    "discount": Text("التخفيض", "Discount"),
    "refund": Text("المبلغ المعاد", "Refund"),
    "amount": Text("المبلغ", "Amount"),
    "paidAt": Text("وقت السداد", "Paid"),
    "reference": Text("رقم العملية", "Reference"),
    "settled": Text("سُدّدت بالكامل", "Settled"),
    "excess": Text("المبلغ الزائد", "Overpaid"),
    "refundedAt": Text("وقت إعادة المبلغ", "Refunded"),
    "legalBasis": Text("الأساس النظامي", "Legal basis"),
    "finalOn": Text("نهائية ابتداءً من", "Final since"),
    "enforcedOn": Text("تاريخ الإحالة إلى التنفيذ", "Enforced on"),
    "statement": Text("الإفادة", "Statement"),
    "termsVersion": Text("إصدار الشروط المقبولة", "Version of the accepted terms"),
    "attachments": Text("المرفقات", "Attachments"),
    "question": Text("المعلومات المطلوبة", "Question"),
    "supplyBefore": Text("آخر موعد لتقديم المعلومات", "Supply information before"),
    "withdrawnOn": Text("تاريخ السحب", "Withdrawn on"),
    "explanation": Text("تسبيب القرار", "Explanation"),
    "decidedOn": Text("تاريخ القرار", "Decided on"),
    "grounds": Text("أسباب التظلم", "Grounds of the appeal"),
    "filename": Text("اسم الملف", "File name"),
    "mediaType": Text("نوع الملف", "File type"),
    "size": Text("الحجم بالبايت", "Size in bytes"),
    "sha256": Text("البصمة SHA-256", "SHA-256"),
    # What is counted
    "personId": Text("معرّف صاحب الحالات", "Id of the person"),
    "rejectedOn": Text("تاريخ الرفض", "Rejected on"),
    # Beside the record
    "person": Text("معرّف الشخص", "Id of the person"),
    "said": Text("ما ذُكر", "What it says"),
    "stream": Text("معرّف السجل", "Id of the record"),
    "onDay": Text("اليوم", "Day"),
    "startedAt": Text("بدأت", "Started"),
    "lastUsedAt": Text("آخر استخدام", "Last used"),
    "endsAt": Text("تنتهي", "Ends"),
    "endedAt": Text("انتهت", "Ended"),
    "channel": Text("الوسيلة", "Channel"),
    "createdAt": Text("أُنشئت", "Created"),
    "expiresAt": Text("صالحة حتى", "Valid until"),
    "usedAt": Text("استُخدمت", "Used"),
    "purpose": Text("الغرض", "Purpose"),
    "times": Text("عدد المرات", "Times"),
    "countsTo": Text("تُحتسب حتى", "Counted until"),
    "earlier": Text("كلمات مرور سابقة محفوظة بصمتها", "Earlier passwords of which a digest is kept"),
    "agency": Text("الجهة", "Agency"),
    "caseReference": Text("رقم القضية أو المعاملة", "Case reference"),
    "seen": Text("ما تم الاطلاع عليه", "What was seen"),
}
"""By the names that fields have in JSON."""

OF_AN_EVENT: Final = FIELDS | {"occurredAt": Text("وقت وقوع المخالفة", "Time of the violation")}
"""The same of an event's own values, which are shown beside when it happened."""

_CHANNELS: Final = {"SMS": Text("رسالة نصية", "SMS"), "EMAIL": Text("بريد إلكتروني", "E-mail")}
_NOT_WORDED: Final = {
    "CHANGE_CODE": Text("رمز التحقق لتعديل الحساب", "Your code for a change of your account"),
}
"""Messages whose subject names what they are for."""

VALUES: Final[dict[str, dict[str, Text]]] = {
    "messages": {
        **{kind.value: _NOT_WORDED.get(kind.value, wording.subject) for kind, wording in TEXTS.items()},
        **_CHANNELS,
        "WAITING": Text("في انتظار الإرسال", "Waiting"),
        "SENT": Text("أُرسلت", "Sent"),
        "EXPIRED": Text("انتهت صلاحيتها قبل الإرسال", "Expired before it was sent"),
        "DEAD": Text("تعذّر إرسالها", "Could not be sent"),
    },
    "codes": {
        "SIGN_IN": Text("تسجيل الدخول", "Sign in"),
        "PASSWORD_RESET": Text("إعادة تعيين كلمة المرور", "Reset the password"),
        "CHANGE_PASSWORD": Text("تغيير كلمة المرور", "Change password"),
        "CHANGE_EMAIL": Text("تغيير البريد الإلكتروني", "Change e-mail"),
        "CHANGE_MOBILE": Text("تحديث رقم الجوال", "Update mobile number"),
        "CHANGE_ADDRESS": Text("تعديل العنوان", "Edit address"),
        "CONFIRM_EMAIL": Text("تأكيد البريد الإلكتروني الجديد", "Confirm the new e-mail"),
        "CONFIRM_MOBILE": Text("تأكيد رقم الجوال الجديد", "Confirm the new mobile number"),
        **_CHANNELS,
    },
    "claims": {
        "national_id": FIELDS["nationalId"],
        "username": FIELDS["username"],
        "mobile": FIELDS["mobile"],
        "email": FIELDS["email"],
    },
    "limits": {
        RESETS_PER_PERSON.kind: Text("طلبات إعادة تعيين كلمة المرور", "Requests to reset the password"),
        PASSWORD_TRIES.kind: Text("محاولات كلمة المرور الحالية", "Tries of the present password"),
        EDITS.kind: Text("طلبات تعديل الحساب", "Edits of the account"),
        CODES.kind: Text("رموز التحقق المرسلة", "Codes that were sent"),
        UPLOADS.kind: Text("الطلبات التي أُرفقت بها ملفات", "Requests with files"),
        DELEGATIONS.kind: Text("التفاويض المطلوبة", "Delegations"),
        MY_DATA.kind: Text("نسخ البيانات المطلوبة", "Copies of one's data"),
    },
    "accessLog": LABELS["Data"],
    "looks": LABELS["Data"],
}
"""By section: words for what is stored as text."""
