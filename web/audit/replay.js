// A slider over the versions of a stream: the state after each, with what has changed since the one before.

import { field, fill, h } from "./dom.js";
import { Refused } from "./session.js";
import { inRiyadh, number, say } from "./language.js";
import { named, otherwise, value } from "./values.js";

const STATE = "query State($stream: String!, $version: Int!) { replay(stream: $stream, version: $version) { state } }";
const AS_OF = "query AsOf($stream: String!, $asOf: DateTime!) { replay(stream: $stream, asOf: $asOf) { version } }";
const MOST_KEPT = 200; // states
const RESTS = 120; // milliseconds that the slider stands still before anything is asked for

/**
 * The slider and the state: {element, show(version)}; version 0 is before the first fact. `chosen` hears of a version that
 * was chosen here; `at` as in values.js.
 */
export function showReplay(app, stream, last, chosen, at) {
  const kept = new Map();
  let resting;
  let present;
  let ofMoment; // the version that the moment in its field has led to
  const text = h("output", { for: "slider" });
  const slider = h("input", {
    id: "slider",
    type: "range",
    min: 0,
    max: last,
    step: 1,
    "aria-describedby": "slider-hint",
    oninput: moved,
  });
  const asOf = h("input", { name: "asOf", type: "datetime-local", step: 1, required: true });
  const state = h("div", { id: "state", "aria-live": "off" });
  const element = h(
    "section",
    { class: "card", "aria-labelledby": "replay" },
    h("h2", { id: "replay" }, say("replay")),
    h(
      "p",
      { class: "field" },
      h("label", { for: "slider" }, say("slider")),
      slider,
      text,
      h("small", { id: "slider-hint" }, say("sliderHint")),
    ),
    moment(),
    state,
  );
  return { element, show };

  /** A moment in Riyadh, as of which the state is wanted. */
  function moment() {
    const choose = async (event) => {
      event.preventDefault();
      app.failed(null);
      try {
        const until = inRiyadh(asOf.value, ".999");
        if (Date.parse(until) > Date.now()) throw new Refused(say("notPassed"));
        led((await app.ask(AS_OF, { stream, asOf: until })).replay.version);
      } catch (fault) {
        if (fault.code === "NOT_FOUND") led(0);
        else app.failed(fault);
      }
    };
    return h(
      "form",
      { onsubmit: choose },
      h("p", { class: "row" }, field(`${say("atMoment")} (${say("riyadh")})`, asOf), h("button", {}, say("show"))),
    );
  }

  function led(version) {
    ofMoment = version;
    chosen(version);
  }

  function moved() {
    tell(Number(slider.value));
    clearTimeout(resting);
    resting = setTimeout(() => chosen(Number(slider.value)), RESTS);
  }

  /** The moment is none of what is shown now. */
  function forget() {
    asOf.value = "";
    ofMoment = undefined;
  }

  function tell(version) {
    const said = version > 0 ? say("versionOf", { version: number(version), last: number(last) }) : say("beforeFirst");
    text.textContent = said;
    slider.setAttribute("aria-valuetext", said);
  }

  async function show(version) {
    clearTimeout(resting);
    if (present !== undefined && ![present, ofMoment].includes(version)) forget();
    present = version;
    slider.value = version;
    tell(version);
    try {
      const [before, after] = await Promise.all([stateAt(version - 1), stateAt(version)]);
      if (present !== version) return; // another one was chosen meanwhile
      state.dataset.version = version;
      if (version === 0) {
        fill(state, h("p", {}, say("nothingByThen")));
        return app.announce(say("nothingByThen"));
      }
      const changed = changedFields(before, after);
      fill(state, changed.size ? null : h("p", {}, say("unchanged")), table(before, after, changed, at));
      app.announce(`${text.textContent}. ${say("changedCount", { count: number(changed.size) })}`);
    } catch (fault) {
      app.failed(fault);
    }
  }

  function stateAt(version) {
    if (version < 1) return {};
    if (!kept.has(version)) {
      if (kept.size === MOST_KEPT) kept.delete(kept.keys().next().value);
      const asked = app.ask(STATE, { stream, version }).then((answer) => answer.replay.state);
      asked.catch(() => kept.delete(version));
      kept.set(version, asked);
    }
    return kept.get(version);
  }
}

const changedFields = (before, after) => {
  const names = Object.keys({ ...before, ...after });
  return new Set(names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])));
};

/** What has changed comes first, with a mark and with what it was before. */
function table(before, after, changed, at) {
  const names = Object.keys({ ...before, ...after });
  const ordered = [...names.filter((name) => changed.has(name)), ...names.filter((name) => !changed.has(name))];
  return h(
    "table",
    { class: "state", "aria-labelledby": "replay" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, say("field")), h("th", { scope: "col" }, say("value")))),
    h(
      "tbody",
      {},
      ordered.map((name) => row(name, before, after, { isChanged: changed.has(name), at: { ...at, field: name } })),
    ),
  );
}

const row = (name, before, after, { isChanged, at }) =>
  h(
    "tr",
    { class: isChanged ? "changed" : null, "data-field": name },
    h("th", { scope: "row" }, named(name), isChanged && h("span", { class: "mark" }, "◆ ", say("changed"))),
    h("td", {}, value(after[name], at), isChanged && name in before && was(before[name], after[name], at)),
  );

const was = (before, after, at) => h("div", { class: "was" }, say("before"), ": ", value(otherwise(before, after), at));
