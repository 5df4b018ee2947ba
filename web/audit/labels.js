// What fields and values of the record are called: the server's own words, fetched once.

import { language } from "./language.js";

let labels = { fields: {}, values: {}, personal: [] };

/** Fetch the words; where there are none, everything is called as the record has it. */
export async function loadLabels() {
  const answer = await fetch("labels.json");
  if (answer.ok) labels = await answer.json();
}

const chosen = (text) => text?.[language()];

export const fieldName = (field) => chosen(labels.fields[field]);
export const valueName = (list, value) => chosen(labels.values[list]?.[value]);

/** Whether a field may be kept from auditors, or have been erased. */
export const isPersonal = (field) => labels.personal.includes(field);
