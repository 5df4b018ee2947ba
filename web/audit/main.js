// The auditor's console: who is there, which part is shown, in which language.

import { field, fill, h, select } from "./dom.js";
import { loadLabels, valueName } from "./labels.js";
import { showLog } from "./log.js";
import { remember } from "./place.js";
import { searchFor, showSearch } from "./search.js";
import { PURPOSES, Refused, Session, Unreachable } from "./session.js";
import { showSignIn } from "./sign_in.js";
import { isUuid } from "./stream.js";
import { showStream } from "./timeline.js";
import { Invalid } from "./tree.js";
import { language, say, setLanguage } from "./language.js";

const [skip, header, notice, main, status] = ["skip", "header", "notice", "main", "status"].map((id) =>
  document.getElementById(id),
);
const session = new Session();

/** What the parts may use. */
const app = {
  ask: (query, variables) => session.ask(query, variables),
  open: (stream) => (location.hash = `#/stream/${stream}`),
  /** Let the address say which fact of a stream is shown. */
  stay: (stream, version) => history.replaceState(null, "", `#/stream/${stream}/${version}`),
  /** What was verified since this part was opened: {checks, preimage} by the events' ids. */
  verified: new Map(),
  announce: (text) => (status.textContent = text),
  failed,
};

/** Say why something was refused; null: all is well again. A session that has ended leads to signing in. */
function failed(fault) {
  if (fault?.code === "UNAUTHENTICATED") {
    session.forget();
    searchFor({}); // what was typed is not for whoever signs in next
    show();
    notice.textContent = say("sessionEnded");
    return;
  }
  notice.textContent = fault ? reason(fault) : "";
  if (fault && !(fault instanceof Refused)) console.error(fault);
}

function reason(fault) {
  if (fault instanceof Refused) return isInLanguage(fault) ? fault.message : say("notValid");
  if (fault instanceof Invalid) return say("notInForm");
  return say(fault instanceof Unreachable ? "unreachable" : "wentWrong");
}

/** What is wrong with a value is told to developers too, and to them in English. */
const isInLanguage = ({ code, message }) =>
  language() === "en" || code !== "BAD_USER_INPUT" || !/[a-z]{2}/i.test(message);

async function show() {
  const root = document.documentElement;
  [root.lang, root.dir] = [language(), language() === "ar" ? "rtl" : "ltr"];
  skip.textContent = say("skip");
  failed(null);
  showHeader();
  try {
    await showPart();
  } catch (fault) {
    failed(fault);
  }
  const title = document.getElementById("title");
  document.title = title ? `${title.textContent} · ${say("app")}` : say("app");
}

/** Each part gets a place of its own: what is answered too late for a part that was left is shown nowhere. */
function showPart() {
  const place = h("div");
  fill(main, place);
  if (!session.user) return showSignIn(place, { session, entered: go, failed });
  if (!session.isAuditor)
    return fill(
      place,
      h(
        "section",
        { class: "card narrow" },
        h("h1", { id: "title", tabindex: -1 }, say("app")),
        h("p", {}, say("noAuditor")),
      ),
    );
  const [, part, stream, version] = location.hash.split("/");
  if (part === "log") return showLog(place, app);
  if (part === "stream" && isUuid(stream ?? "")) return showStream(place, app, stream, asVersion(version));
  return showSearch(place, app);
}

const asVersion = (text) => (/^[0-9]{1,9}$/.test(text ?? "") ? Number(text) : null);

/** Show another part, and let whoever reads by keyboard or ear begin at its heading: at once, so that nobody is interrupted. */
function go() {
  app.verified.clear();
  const shown = show();
  document.getElementById("title")?.focus();
  return shown;
}

function showHeader() {
  const other = language() === "ar" ? "en" : "ar";
  fill(
    header,
    h("a", { class: "name", href: "#/" }, say("app")),
    session.isAuditor && [navigation(), purpose()],
    h(
      "span",
      { class: "row end" },
      session.user && h("bdi", {}, session.user.name[language()]),
      h(
        "button",
        { id: "language", type: "button", lang: other, onclick: () => changeLanguage(other) },
        say("otherLanguage"),
      ),
      session.user && h("button", { type: "button", onclick: leave }, say("signOut")),
    ),
  );
}

/** Say everything in the other language, and leave whoever reads where they are. */
async function changeLanguage(other) {
  const bringBack = remember();
  setLanguage(other);
  const shown = show();
  document.getElementById("language").focus();
  await shown;
  bringBack();
}

function navigation() {
  const [, present = ""] = location.hash.split("/");
  const link = (part, text) =>
    h("a", { href: `#/${part}`, "aria-current": part === present ? "page" : null }, say(text));
  return h("nav", { "aria-label": say("navigation") }, link("", "search"), link("log", "log"));
}

function purpose() {
  const choice = select(
    "purpose",
    PURPOSES.map((one) => [one, valueName("Purpose", one) ?? one]),
    session.purpose,
  );
  const reference = h("input", { name: "caseReference", maxlength: 64, value: session.caseReference });
  choice.addEventListener("change", () => (session.purpose = choice.value));
  reference.addEventListener("change", () => (session.caseReference = reference.value.trim()));
  return h(
    "div",
    { class: "purpose" },
    field(say("purpose"), choice),
    field(say("caseReference"), reference),
    h("small", {}, say("lookIsNoted")),
  );
}

async function leave() {
  try {
    await session.end();
    searchFor({});
    await go();
    app.announce(say("signedOut"));
  } catch (fault) {
    failed(fault);
  }
}

// A browser's own words about a value are in its language, not in the one that is chosen here.
addEventListener(
  "invalid",
  ({ target }) => target.setCustomValidity(say(target.validity.valueMissing ? "fillIn" : "notOfItsForm")),
  true,
);
addEventListener("input", ({ target }) => target.setCustomValidity?.(""));
addEventListener("hashchange", go);
skip.addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
// Without a session: sign in. Without labels: the record's own words.
await Promise.allSettled([session.resume(), loadLabels()]);
show();
