// How the log fares: its key, the latest checkpoint and what it proves, the lag of the read models.

import { line } from "./chart.js";
import { canHash, checkCheckpoint } from "./checks.js";
import { code, fill, h } from "./dom.js";
import * as kept from "./kept.js";
import { showLag } from "./lag.js";
import { fingerprint, readCheckpoint } from "./note.js";
import { list } from "./proof.js";
import { time } from "./shown.js";
import { send } from "./session.js";
import { moment, number, say } from "./language.js";

const MOST_CHECKPOINTS = 60;
const CHECKPOINTS = `query Checkpoints {
  checkpoint { origin treeSize rootHash signedAt note }
  checkpoints(last: ${MOST_CHECKPOINTS}) { treeSize signedAt }
}`;
const READ_MODELS = "query ReadModels { readModels { name version position lagEvents lagSeconds state } }";

const SECONDS = 5;
const IDLE_AFTER = 5 * 60_000; // without any input nothing is asked for: asking would keep the session open

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
      const [tree, models] = await Promise.all([send(CHECKPOINTS), app.ask(READ_MODELS)]);
      showLag(lag, models.readModels, Date.now());
      if (tree.checkpoint === null) fill(checkpoint, h("p", {}, say("noCheckpoint")));
      else await showTree(tree);
      if (isLost) app.failed(null);
      isLost = false;
    } catch (fault) {
      isLost = true;
      app.failed(fault);
    } finally {
      isRefreshing = false;
    }
  }

  async function showTree({ checkpoint: found, checkpoints }) {
    showGrowth(growth, checkpoints);
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

/** The size of the tree over the checkpoints that were signed last. */
function showGrowth(place, checkpoints) {
  const samples = checkpoints.map(({ treeSize, signedAt }) => ({ at: Date.parse(signedAt), value: Number(treeSize) }));
  const [first, last] = [samples[0], samples.at(-1)];
  const said = say(samples.length === 1 ? "growthBegun" : "growthText", {
    count: number(samples.length),
    from: number(first.value),
    to: number(last.value),
    since: moment(first.at),
    until: moment(last.at),
  });
  fill(place, line(samples, said), h("p", { class: "soft" }, said));
}
