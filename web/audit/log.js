// How the log fares: its key, the latest checkpoint and what it proves, the lag of the read models.

import { bar, line } from "./chart.js";
import { canHash, checkCheckpoint } from "./checks.js";
import { code, fill, h } from "./dom.js";
import * as kept from "./kept.js";
import { fingerprint, readCheckpoint } from "./note.js";
import { list } from "./proof.js";
import { time } from "./shown.js";
import { send } from "./session.js";
import { number, say, timeOfDay } from "./language.js";

const CHECKPOINT = "query Checkpoint { checkpoint { origin treeSize rootHash signedAt note } }";
const READ_MODELS = "query ReadModels { readModels { name version position lagEvents lagSeconds state } }";

const SECONDS = 5;
const MOST_SAMPLES = 120;
const IDLE_AFTER = 5 * 60_000; // without any input nothing is asked for: asking would keep the session open

/** Sizes of the tree that this page has seen, oldest first. */
const samples = [];

/** Fill a place; it is refreshed for as long as it is shown. `app` has ask, failed. */
export async function showLog(place, app) {
  const [key, checkpoint, growth, lag] = ["key", "checkpoint", "growth", "lag"].map((name) =>
    h("div", { id: `${name}-part` }),
  );
  const card = (id, title, ...content) =>
    h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, say(title)), content);
  fill(
    place,
    h("h1", { id: "title", tabindex: -1 }, say("log")),
    h(
      "div",
      { class: "cards" },
      card("checkpoint", "checkpoint", checkpoint, key),
      card("growth", "growth", growth),
      card("lag", "lag", lag),
    ),
    h("p", { class: "soft" }, say("refreshed", { seconds: SECONDS })),
  );
  let checked = null; // the note that was checked last
  let isLost = false;
  let isRefreshing = false;
  let usedAt = Date.now();
  const used = () => (usedAt = Date.now());
  for (const sign of ["keydown", "pointerdown", "pointermove"]) place.addEventListener(sign, used, { passive: true });
  await refresh();
  const timer = setInterval(() => {
    if (!key.isConnected) clearInterval(timer);
    else if (!isRefreshing && !document.hidden && Date.now() - usedAt < IDLE_AFTER) refresh();
  }, SECONDS * 1000);

  async function refresh() {
    isRefreshing = true;
    try {
      const [tree, models] = await Promise.all([send(CHECKPOINT), app.ask(READ_MODELS)]);
      showLag(lag, models.readModels);
      if (tree.checkpoint === null) fill(checkpoint, h("p", {}, say("noCheckpoint")));
      else await showTree(tree.checkpoint);
      if (isLost) app.failed(null);
      isLost = false;
    } catch (fault) {
      isLost = true;
      app.failed(fault);
    } finally {
      isRefreshing = false;
    }
  }

  async function showTree(found) {
    sample(Number(found.treeSize), Date.parse(found.signedAt));
    fill(growth, line(samples, grown()), h("p", { class: "soft" }, grown()));
    if (found.note === checked) return;
    const checks = canHash() ? await checkCheckpoint(readCheckpoint(found.note), app.ask) : [];
    checked = found.note;
    fill(
      checkpoint,
      pairs([
        ["origin", code(found.origin)],
        ["treeSize", number(found.treeSize)],
        ["signedAt", time(found.signedAt)],
        ["rootHash", code(found.rootHash)],
      ]),
      canHash() ? list(checks) : h("p", {}, say("noCrypto")),
    );
    if (canHash()) await showKey(key);
  }
}

const pairs = (all) =>
  h(
    "dl",
    {},
    all.map(([name, shown]) => [h("dt", {}, say(name)), h("dd", {}, shown)]),
  );

async function showKey(place) {
  const { trusted, published, isFirst, isOther } = await kept.keys();
  const trust = () => {
    kept.trustKey(published);
    return showKey(place);
  };
  fill(
    place,
    pairs([["fingerprint", code(await fingerprint(trusted))]]),
    h("p", { class: "soft" }, isFirst && `${say("firstUse")} `, say("fingerprintHint")),
    isOther &&
      h(
        "div",
        { class: "warning", role: "alert" },
        h("p", {}, say("otherKey")),
        pairs([["newFingerprint", code(await fingerprint(published))]]),
        h("button", { type: "button", onclick: trust }, say("trust")),
      ),
  );
}

function sample(value, signedAt) {
  const last = samples.at(-1);
  if (last && value < last.value) samples.length = 0; // another log
  if (samples.length === 0) samples.push({ at: signedAt, value });
  else samples.push({ at: Math.max(Date.now(), last?.at ?? 0), value });
  if (samples.length > MOST_SAMPLES) samples.shift();
}

function grown() {
  const [first, last] = [samples[0], samples.at(-1)];
  return say("growthText", {
    from: number(first.value),
    to: number(last.value),
    since: timeOfDay(first.at),
    until: timeOfDay(last.at),
  });
}

function showLag(place, models) {
  const most = Math.max(...models.map(({ lagEvents }) => lagEvents), 100);
  fill(
    place,
    h(
      "table",
      { class: "state", "aria-labelledby": "lag" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["readModel", "state", "lagEvents", "lagSeconds"].map((name) => h("th", { scope: "col" }, say(name))),
        ),
      ),
      h(
        "tbody",
        {},
        models.map(({ name, version, state, lagEvents, lagSeconds }) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, code(`${name} ${version}`)),
            h("td", {}, h("span", { class: `state-${state.toLowerCase()}` }, say(state))),
            h("td", {}, number(lagEvents), bar(lagEvents, most, `${say("lagEvents")}: ${number(lagEvents)}`)),
            h("td", {}, number(lagSeconds)),
          ),
        ),
      ),
    ),
  );
}
