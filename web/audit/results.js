// Results of a search: a table of events, newest first, in pages by key.

import { code, fill, h } from "./dom.js";
import { number, say } from "./language.js";
import { EVENT, person, time, who } from "./shown.js";

const PAGE = 25;
const COLUMNS = ["position", "what", "who", "about", "recordedAt"];

/** The page to begin with. */
export const newest = { last: PAGE };

const EVENTS = `query Events($first: Int, $after: String, $last: Int, $before: String, $filter: EventFilter) {
  events(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { node { ${EVENT} } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

let asked = 0;

/** Fill a place with a page of events; `page` answers which, or throws why not, and `show` shows another one. */
export async function showPage(place, app, page, show) {
  const turn = ++asked; // what is answered after a later page was asked for is shown nowhere
  place.setAttribute("aria-busy", "true");
  app.failed(null);
  try {
    const { events } = await app.ask(EVENTS, page());
    if (turn !== asked) return;
    const newestFirst = events.edges.map(({ node }) => node).reverse();
    fill(
      place,
      h("h2", { id: "results" }, say("events"), " ", h("small", {}, say("newestFirst"))),
      table(newestFirst),
      pages(events.pageInfo, show),
    );
    app.announce(newestFirst.length ? say("found", { count: number(newestFirst.length) }) : say("none"));
  } catch (fault) {
    if (turn !== asked) return;
    fill(place);
    app.failed(fault);
  } finally {
    if (turn === asked) place.setAttribute("aria-busy", "false");
  }
}

/** In narrow windows its rows are shown as lists; the roles say that it is a table all the same. */
function table(events) {
  if (events.length === 0) return h("p", { class: "card" }, say("none"));
  const heads = COLUMNS.map((name) => h("th", { scope: "col", role: "columnheader" }, say(name)));
  return h(
    "table",
    { class: "card rows", role: "table", "aria-labelledby": "results" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)),
    h("tbody", { role: "rowgroup" }, events.map(row)),
  );
}

const row = (event) =>
  h(
    "tr",
    { role: "row" },
    cell("position", code(event.position)),
    h("th", { scope: "row", role: "rowheader", "data-label": say("what") }, titled(event)),
    cell("who", who(event.actor)),
    cell("about", event.about.map(person)),
    cell("recordedAt", time(event.recordedAt)),
  );

const cell = (name, shown) => h("td", { role: "cell", "data-label": say(name) }, h("span", {}, shown));

const titled = ({ stream, streamVersion, title, type }) =>
  h(
    "span",
    {},
    h("a", { href: `#/stream/${stream}/${streamVersion}` }, title.text),
    " ",
    code(type, { class: "soft" }),
  );

function pages({ hasNextPage, hasPreviousPage, startCursor, endCursor }, show) {
  return h(
    "nav",
    { class: "row pages", "aria-label": say("pages") },
    h(
      "button",
      { type: "button", disabled: !hasNextPage, onclick: () => show({ first: PAGE, after: endCursor }) },
      say("newer"),
    ),
    h(
      "button",
      { type: "button", disabled: !hasPreviousPage, onclick: () => show({ last: PAGE, before: startCursor }) },
      say("older"),
    ),
  );
}
