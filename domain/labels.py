"""What a person reads for each value of each enum, by the enum's name: this file knows no aggregate."""

from enum import Enum
from typing import Final

from domain.text import Text


def label(member: Enum) -> Text:
    """What a person reads for a value of an enum.

    Raises:
        KeyError: the enum or its value has no label here.
    """
    return LABELS[type(member).__name__][member.name]


LABELS: Final[dict[str, dict[str, Text]]] = {
    "Role": {
        "PERSON": Text("فرد", "Individual"),
        "PASSPORT_OFFICER": Text("موظف الجوازات", "Passport officer"),
        "TRAFFIC_OFFICER": Text("موظف المرور", "Traffic officer"),
        "COURT_CLERK": Text("كاتب المحكمة", "Court clerk"),
        "AGENCY_FEED": Text("جهة حكومية", "Government agency"),
        "AUDITOR": Text("مراجع", "Auditor"),
        "ADMINISTRATOR": Text("مدير النظام", "Administrator"),
        "SYSTEM": Text("النظام", "System"),
    },
    "PersonKind": {
        "CITIZEN": Text("مواطن", "Citizen"),
        "RESIDENT": Text("مقيم", "Resident"),
    },
    "AccountStatus": {
        "ACTIVE": Text("نشط", "Active"),
        "LOCKED": Text("مقفل", "Locked"),
        "ERASED": Text("محذوف", "Erased"),
    },
    "Language": {
        "AR": Text("العربية", "Arabic"),
        "EN": Text("الإنجليزية", "English"),
    },
    "Purpose": {
        "COUNTER_REQUEST": Text("طلب صاحب الشأن لدى مكتب الخدمة", "Request at a service counter"),
        "CASE_REVIEW": Text("دراسة معاملة", "Review of a case"),
        "COURT_CASE": Text("قضية منظورة أمام المحكمة", "Court case"),
        "INVESTIGATION": Text("تحقيق", "Investigation"),
        "AUDIT": Text("مراجعة وتدقيق", "Audit"),
        "SUPPORT": Text("دعم المستخدم", "User support"),
    },
    "Data": {
        "PERSON": Text("معلومات المستخدم", "User information"),
        "VISA": Text("تأشيرة خروج وعودة", "Exit/re-entry visa"),
        "VIOLATION": Text("مخالفة مرورية", "Traffic violation"),
        "OBJECTION": Text("الاعتراض على المخالفات المرورية", "Traffic-violation objection"),
        "ACCESS_LOG": Text("سجل الاطلاع", "Access log"),
    },
    "Relation": {
        "SELF": Text("صاحب البيانات", "Self"),
        "HEAD_OF_HOUSEHOLD": Text("رب الأسرة", "Head of household"),
        "EMPLOYER": Text("صاحب العمل", "Employer"),
        "DELEGATE": Text("المفوَّض", "Delegate"),
    },
    "SponsorRelation": {
        "HEAD_OF_HOUSEHOLD": Text("رب الأسرة", "Head of household"),
        "EMPLOYER": Text("صاحب العمل", "Employer"),
    },
    "DelegatedService": {
        "VISA_INQUIRY": Text("الاستعلام عن حالة تأشيرة خروج وعودة", "Exit/re-entry visa status inquiry"),
    },
    "VisaType": {
        "SINGLE": Text("مفردة", "Single"),
        "MULTIPLE": Text("متعددة", "Multiple"),
    },
    "VisaBasis": {
        "MONTHS": Text("بالأشهر", "Months"),
        "DAYS": Text("بالأيام", "Days"),
        "RETURN_BEFORE": Text("العودة قبل تاريخ", "Return-before date"),
    },
    "VisaStatus": {
        "ISSUED": Text("سارية – لم تُستخدم", "Valid – not used"),
        "DEPARTED": Text("مستخدمة – خارج المملكة", "Used – outside the Kingdom"),
        "ACTIVE": Text("سارية – داخل المملكة", "Valid – inside the Kingdom"),
        "COMPLETED": Text("منتهية بالعودة", "Completed – returned"),
        "CANCELLED": Text("ملغاة", "Cancelled"),
        "LAPSED_UNUSED": Text("منتهية دون استخدام", "Expired unused"),
        "EXPIRED_OUTSIDE": Text("منتهية – خارج المملكة", "Expired – outside the Kingdom"),
        "EXITED_NOT_RETURNED": Text("خرج ولم يعد", "Exited and did not return"),
        "VOIDED": Text("مسجلة بالخطأ – أُبطلت", "Voided – recorded in error"),
    },
    "MovementDirection": {
        "DEPARTURE": Text("مغادرة", "Departure"),
        "RETURN": Text("عودة", "Return"),
    },
    "VisaHypothesis": {
        "DEPART": Text("المغادرة", "Departure"),
        "RETURN": Text("العودة", "Return"),
        "CANCEL": Text("إلغاء التأشيرة", "Cancelling the visa"),
        "EXTEND": Text("تمديد التأشيرة", "Extending the visa"),
    },
    "ViolationStatus": {
        "RECORDED": Text("مسجلة – لم يتم الإبلاغ بها", "Recorded – not notified yet"),
        "NOTIFIED": Text("تم الإبلاغ بها", "Notified"),
        "UNDER_OBJECTION": Text("قيد الاعتراض", "Under objection"),
        "FINAL_DUE": Text("نهائية – مستحقة السداد", "Final – due"),
        "EXTENDED": Text("مُنحت مهلة إضافية", "Payment period extended"),
        "OVERDUE": Text("متأخرة السداد", "Overdue"),
        "ENFORCED": Text("الحجز والتنفيذ", "Seizure and enforcement"),
        "PAID": Text("مدفوعة", "Paid"),
        "CANCELLED": Text("ملغاة", "Cancelled"),
        "REFUND_PENDING": Text("قيد إعادة المبلغ", "Refund pending"),
        "REFUNDED": Text("أُعيد المبلغ", "Refunded"),
        "VOIDED": Text("مسجلة بالخطأ – أُبطلت", "Voided – recorded in error"),
    },
    "ViolationSource": {
        "SAHER": Text("الرصد الآلي (ساهر)", "Automated monitoring (Saher)"),
        "OFFICER": Text("رجل المرور", "Traffic officer"),
        "OTHER_AUTHORITY": Text("جهة أخرى", "Another authority"),
    },
    "ViolationHypothesis": {
        "PAY": Text("سداد المخالفة", "Paying"),
        "OBJECT": Text("الاعتراض على المخالفة", "Objecting"),
        "DECIDE_REJECTED": Text("رفض الاعتراض", "The objection being rejected"),
        "REQUEST_PAYMENT_EXTENSION": Text("طلب فترة إضافية للسداد", "Asking for a further period to pay"),
    },
    "ObjectionStatus": {
        "SUBMITTED": Text("تم تقديم الاعتراض", "Submitted"),
        "UNDER_REVIEW": Text("قيد الدراسة", "Under review"),
        "INFO_REQUESTED": Text("مطلوب معلومات إضافية", "More information requested"),
        "ACCEPTED": Text("مقبول – أُلغيت المخالفة", "Accepted – violation cancelled"),
        "FINE_MODIFIED": Text("عُدّلت قيمة الغرامة", "Fine modified"),
        "REJECTED": Text("مرفوض", "Rejected"),
        "WITHDRAWN": Text("مسحوب", "Withdrawn"),
        "APPEALED_TO_COURT": Text("مُحال إلى المحكمة", "Referred to court"),
        "COURT_CANCELLED": Text("حكم بالإلغاء", "Court: cancelled"),
        "COURT_MODIFIED": Text("حكم بالتعديل", "Court: modified"),
        "COURT_UPHELD": Text("حكم بالتأييد", "Court: upheld"),
    },
    "ObjectionReason": {
        "NOT_OWNER": Text("لا أملك ولا أستأجر هذه المركبة", "I do not own or rent this vehicle"),
        "NOT_AT_LOCATION": Text(
            "لم أكن في هذه المدينة أو الموقع في ذلك الوقت", "I was not in this city or place at that time"
        ),
        "NEVER_PASSED_SIGNAL": Text("لم أمرّ بهذه الإشارة", "I never passed this signal"),
        "PLATE_MISREAD": Text("خطأ في قراءة اللوحة", "Plate misread"),
        "VEHICLE_SOLD": Text("المركبة مباعة قبل تاريخ المخالفة", "Vehicle sold before the violation"),
        "VEHICLE_STOLEN": Text("المركبة مسروقة وقت المخالفة", "Vehicle stolen at the time"),
        "OTHER_DRIVER": Text("كان يقود المركبة شخص آخر مفوَّض", "Another authorised driver was driving"),
        "DUPLICATE": Text("مخالفة مكررة", "Duplicate violation"),
        "EMERGENCY": Text("حالة طارئة", "Emergency"),
        "WRONG_CLASSIFICATION": Text("خطأ في توصيف المخالفة", "Wrongly classified violation"),
        "DEVICE_ERROR": Text("خلل فني في الرصد", "Technical fault in detection"),
        "OTHER": Text("سبب آخر", "Other"),
    },
    "ObjectionOutcome": {
        "ACCEPTED": Text("قبول الاعتراض وإلغاء المخالفة", "Accept and cancel the violation"),
        "FINE_MODIFIED": Text("تعديل قيمة غرامة المخالفة", "Modify the fine"),
        "REJECTED": Text("رفض الاعتراض", "Reject"),
    },
    "CourtOutcome": {
        "CANCELLED": Text("إلغاء المخالفة", "Cancel the violation"),
        "MODIFIED": Text("تعديل قيمة الغرامة", "Modify the fine"),
        "UPHELD": Text("تأييد القرار", "Uphold the decision"),
    },
    "DeadlineKind": {
        "EXIT_BEFORE": Text("المغادرة قبل تاريخ", "Exit before"),
        "RETURN_BEFORE": Text("العودة قبل تاريخ", "Return before"),
        "CANCEL_BEFORE": Text("آخر موعد لإلغاء التأشيرة", "Cancel before"),
        "EXTEND_BEFORE": Text("آخر موعد لطلب التمديد", "Extend before"),
        "OBJECT_BEFORE": Text("آخر موعد للاعتراض", "Object before"),
        "PAY_BEFORE": Text("آخر موعد للسداد", "Pay before"),
        "DISCOUNT_BEFORE": Text("آخر موعد للاستفادة من التخفيض", "Discount before"),
        "APPEAL_BEFORE": Text("آخر موعد للتظلم أمام المحكمة", "Appeal before"),
        "SUPPLY_INFORMATION_BEFORE": Text("آخر موعد لتقديم المعلومات", "Supply information before"),
    },
    "ServiceSection": {
        "SERVICES": Text("الخدمات", "Services"),
        "INQUIRIES": Text("استعلامات", "Inquiries"),
        "ACCOUNT": Text("حسابي", "My account"),
    },
    "ReadModelState": {
        "LIVE": Text("محدَّث", "Live"),
        "CATCHING_UP": Text("قيد اللحاق", "Catching up"),
        "REBUILDING": Text("قيد إعادة البناء", "Rebuilding"),
        "FAILED": Text("متوقف بسبب خطأ", "Failed"),
    },
}
