// Verifying one event in the browser, and saying in plain words what is proven.

import { canHash, checkReceipt } from "./checks.js";
import { fill, folded, h } from "./dom.js";
import { number, say } from "./language.js";

const RECEIPT = "query Receipt($id: ID!) { receipt(eventId: $id) { leafHash proof } }";

/** A button that verifies an event, and below it what has come of it. */
export function showProof(app, fact) {
  const found = h("div", { class: "proof" });
  const button = h("button", { type: "button", class: "main", onclick: verify }, say("verify"));
  if (app.verified.has(fact.id)) show(app.verified.get(fact.id));
  return h("div", {}, h("p", {}, button), found);

  async function verify() {
    if (!canHash()) return fill(found, h("p", {}, say("noCrypto")));
    button.disabled = true;
    fill(found, h("p", {}, say("verifying")));
    try {
      const { receipt } = await app.ask(RECEIPT, { id: fact.id });
      if (receipt?.proof) tell(await checkReceipt(fact, receipt, app.ask));
      else fill(found, h("p", { role: "status" }, say("noReceiptYet")));
    } catch (fault) {
      fill(found);
      app.failed(fault);
    } finally {
      button.disabled = false;
    }
  }

  function tell(result) {
    app.verified.set(fact.id, result);
    app.announce(show(result));
  }

  /** Show what has come of it; answers the verdict. */
  function show({ checks, preimage }) {
    const said = verdict(checks, fact.position);
    fill(found, said.element, list(checks), preimage && folded("sealed", say("sealedForm"), preimage.state));
    return said.text;
  }
}

/** The checks one by one, each with a sign and a word. */
export const list = (checks) =>
  h(
    "ul",
    { class: "checks" },
    checks.map(({ name, holds, size }) => {
      const [kind, sign] = holds ? ["proven", "✓"] : holds === false ? ["refuted", "✗"] : ["untold", "?"];
      const text =
        name === "signed" && holds === null ? say("noEd25519") : say(`check_${name}`, { size: number(size) });
      return h("li", { class: kind, "data-check": name }, h("b", {}, sign, " ", say(kind)), " ", text);
    }),
  );

function verdict(checks, position) {
  const [kind, key] = checks.some(({ holds }) => holds === false)
    ? ["refuted", "verdictRefuted"]
    : checks.every(({ holds }) => holds)
      ? ["proven", "verdictProven"]
      : ["untold", "verdictUntold"];
  const text = say(key, { position });
  return { text, element: h("p", { class: `verdict ${kind}` }, text) };
}
