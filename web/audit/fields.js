// What a field of the record holds, where its value alone does not tell.

/** "SAR", "official" (somebody in office), or the name of the labels of its values. */
const HOLDS = {
  role: "Role",
  roles: "Role",
  kind: "PersonKind",
  "User.status": "AccountStatus",
  language: "Language",
  relation: "SponsorRelation",
  sponsors: "SponsorRelation",
  service: "DelegatedService",
  type: "VisaType",
  basis: "VisaBasis",
  "Visa.status": "VisaStatus",
  direction: "MovementDirection",
  typeCode: "ViolationType",
  source: "ViolationSource",
  "Violation.status": "ViolationStatus",
  "Violation.reason": "ObjectionReason",
  "objection.status": "ObjectionStatus",
  officerId: "official",
  clerkId: "official",
  decidedBy: "official",
  fee: "SAR",
  penalty: "SAR",
  fine: "SAR",
  minFine: "SAR",
  maxFine: "SAR",
  amount: "SAR",
  paid: "SAR",
  discount: "SAR",
  discountGranted: "SAR",
  excess: "SAR",
  refund: "SAR",
  refundDue: "SAR",
  refunded: "SAR",
};

/** What a field holds; its owner is the kind of the stream, or the field that has this one inside its value. */
export const holds = (owner, field) => HOLDS[`${owner}.${field}`] ?? HOLDS[field];
