// How far the read models are behind the log: now, and since the page was opened.

import { bar, line } from "./chart.js";
import { code, fill, h } from "./dom.js";
import { valueName } from "./labels.js";
import { number, say, timeOfDay } from "./language.js";

const COLUMNS = ["readModel", "state", "lagEvents", "lagSeconds"];
const FULL_BAR = 100; // events behind, at least
const MOST_SAMPLES = 120;

/** How far the read model that is furthest behind was, oldest first. Nobody keeps this: it begins with the page. */
const samples = [];

/** Fill a place with read models as they are now. */
export function showLag(place, models, now) {
  const most = Math.max(...models.map(({ lagEvents }) => lagEvents));
  samples.push({ at: now, value: most });
  if (samples.length > MOST_SAMPLES) samples.shift();
  const said = say("lagText", {
    since: timeOfDay(samples[0].at),
    most: number(Math.max(...samples.map(({ value }) => value))),
    now: number(most),
  });
  fill(place, table(models, Math.max(most, FULL_BAR)), line(samples, said, 0), h("p", { class: "soft" }, said));
}

const table = (models, most) =>
  h(
    "table",
    { class: "state", "aria-labelledby": "lag" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        COLUMNS.map((name) => h("th", { scope: "col" }, say(name))),
      ),
    ),
    h(
      "tbody",
      {},
      models.map((model) => row(model, most)),
    ),
  );

const row = ({ name, version, state, lagEvents, lagSeconds }, most) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, code(`${name} ${version}`)),
    h("td", {}, h("span", { class: `state-${state.toLowerCase()}` }, valueName("ReadModelState", state) ?? state)),
    h("td", {}, number(lagEvents), bar(lagEvents, most, `${say("lagEvents")}: ${number(lagEvents)}`)),
    h("td", {}, number(lagSeconds)),
  );
