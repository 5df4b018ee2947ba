// node console.mjs FLOW CHROMIUM URL [FOLDER]: goes one way through the console, and prints as JSON what there was to be seen.

import { createHash } from "node:crypto";
import { barriers, code, find, inBrowser, newPage, overhang, signIn, texts, verify, named, record } from "./page.mjs";

const [flow, chrome, url, folder] = process.argv.slice(2);

const REJECTION = '.timeline li[data-version="5"]';

/** From the violation's number to who rejected the objection, when, and what the violation looked like before. */
async function rejection(browser, language) {
  const page = await newPage(browser, url, { language });
  await signIn(page);
  await page.waitForSelector("table.rows");
  await find(page, "7001");
  await page.click(REJECTION + " button");
  await page.waitForSelector('#state[data-version="5"] .changed');
  const seen = {
    direction: await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]),
    heading: await page.innerText("h1"),
    timeline: (await texts(page, ".timeline strong")).slice(0, 5),
    rejected: (await texts(page, REJECTION))[0].split("\n"),
    changed: await changedFields(page),
    explanation: await told(page, "#fact ~ table", ["explanation"]),
  };
  await page.fill("[name=asOf]", "2026-01-07T12:00:00");
  await page.click("form:has([name=asOf]) button");
  await page.waitForSelector('#state[data-version="3"] .changed');
  return {
    ...seen,
    before: await changedFields(page),
    proven: await verify(page),
    verdict: await page.innerText(".verdict"),
    state: await told(page, "#state", ["status", "objection", "violatorId", "fine", "discountable", "payBefore"]),
    values: await valuesOfFirst(page),
    faults: page.faults,
  };
}

async function valuesOfFirst(page) {
  await page.click('.timeline li[data-version="1"] button');
  await page.waitForSelector("#fact ~ table tr[data-field=location]");
  return told(page, "#fact ~ table", ["typeCode", "source", "occurredAt", "location", "plate", "replaces"]);
}

/** What a table says for some fields: their names and values. */
const told = (page, table, fields) =>
  Promise.all(
    fields.map(async (field) => {
      const text = await page.innerText(`${table} tr[data-field=${field}]`);
      return text.replace(/[0-9a-f]{8}…/, "id").split(/\s*[\n\t]\s*/);
    }),
  );

const changedFields = (page) => texts(page, "#state .changed th > :first-child");

/** A filter, and pages both ways. */
async function search(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await page.waitForSelector("table.rows");
  await page.click("summary");
  await page.fill("[name=positionTo]", "30"); // the clock records more at any time
  await turn(page, "Apply");
  const positions = () => texts(page, "table.rows td:first-child code");
  const newest = await positions();
  await turn(page, "Older");
  const older = await positions();
  await turn(page, "Newer");
  const again = await positions();
  await page.fill("[name=positionTo]", "");
  await page.fill("[name=type]", "Violation.ObjectionRejected, Violation.Recorded");
  await page.fill("[name=recordedTo]", "2026-01-09T23:00:00");
  await turn(page, "Apply");
  const filtered = await texts(page, "table.rows th code");
  await page.fill("[name=type]", "Visa.Cancelled");
  await turn(page, "Apply");
  const none = await page.innerText("main section p.card");
  await page.fill("[name=number]", "4711");
  await page.press("[name=number]", "Enter");
  await page.waitForFunction(
    () =>
      document.getElementById("notice").textContent ||
      document.querySelector("form[role=search] [role=status]").textContent,
  );
  const unknown = (await texts(page, "form[role=search] [role=status], #notice")).filter(Boolean);
  await find(page, "7001");
  await page.click(".about a");
  await page.waitForSelector("table.rows");
  const people = new Set(await texts(page, "table.rows td:nth-child(4)"));
  return { newest, older, again, filtered, none, unknown, people: [...people], faults: page.faults };
}

async function turn(page, button) {
  const answered = page.waitForResponse((response) => response.request().postData()?.includes("query Events"));
  await page.click(`button:text-is("${button}")`);
  await answered;
  await page.waitForSelector("section[aria-busy=false]");
}

/** Receipts that were tampered with on their way, and a history that differs from the one this browser has seen. */
async function tampered(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await find(page, "7001");
  const found = { whole: await verify(page) };
  const lines = (change) => (proof) => change(proof.split("\n")).join("\n");
  const extra = (change) =>
    lines(([head, line, ...rest]) => [head, `extra ${again(change, line.slice("extra ".length))}`, ...rest]);
  const changes = {
    preimage: extra((json) =>
      json.replace("SPEED", "SPEEC").replace("7001", "7002").replace("occurred_at", "occurred_At"),
    ),
    otherActor: extra((json) => json.replace("TRAFFIC_OFFICER", "COURT_CLERK").replace("SYSTEM", "PERSON")),
    otherEvent: extra((json) => json.replace(/"version":\d+/, '"version":99')),
    path: lines((all) => all.map((line, at) => (at === 3 ? flipped(line) : line))),
    signature: lines((all) =>
      all.map((line) =>
        line.startsWith("— ") ? `${line.slice(0, -9)}${flipped(line.slice(-9, -4))}${line.slice(-4)}` : line,
      ),
    ),
    noProof: () => "c2sp.org/tlog-proof@v1\nindex x\n",
  };
  for (const [name, change] of Object.entries(changes)) {
    await page.route("**/graphql", (route) => changeReceipt(route, change));
    found[name] = refuted(await verify(page));
    await page.unroute("**/graphql");
  }
  await page.evaluate(() => {
    const note = localStorage.getItem("sijil-log-checkpoint").split("\n");
    note[2] = btoa(String.fromCharCode(...new Uint8Array(32)));
    localStorage.setItem("sijil-log-checkpoint", note.join("\n"));
  });
  found.rewritten = refuted(await verify(page));
  await page.evaluate(() => localStorage.removeItem("sijil-log-checkpoint"));
  await page.evaluate((key) => localStorage.setItem("sijil-log-key", key), keyOfAnother());
  found.otherKey = refuted(await verify(page));
  await page.click("nav a[href='#/log']");
  await page.click(".warning button");
  await page.waitForSelector(".warning", { state: "detached" });
  await page.goBack();
  await page.waitForSelector("#state tbody tr");
  found.trusted = await verify(page);
  return { ...found, faults: page.faults };
}

/** A key in note form that is right, but of another log. */
function keyOfAnother() {
  const typed = Buffer.concat([Buffer.from([1]), Buffer.alloc(32, 7)]);
  const id = createHash("sha256").update("other.log\n").update(typed).digest("hex").slice(0, 8);
  return `other.log+${id}+${typed.toString("base64")}`;
}

/** The tree grows while the page is open: what is recorded later extends what this browser has checked before. */
async function growth(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await find(page, "7001");
  const first = await verify(page);
  const size = () => page.evaluate(() => Number(localStorage.getItem("sijil-log-checkpoint").split("\n")[1]));
  const before = await size();
  await page.evaluate(() => sessionStorage.setItem("before", localStorage.getItem("sijil-log-checkpoint")));
  await page.click("nav a[href='#/log']");
  await page.waitForSelector("#growth-part svg");
  await record(url, "EN");
  await page.waitForFunction(
    (least) => Number(localStorage.getItem("sijil-log-checkpoint").split("\n")[1]) > least,
    before,
  );
  const grown = (await size()) - before;
  await page.waitForFunction(
    (text) => document.getElementById("checkpoint-part").innerText.includes(text),
    `(${before} events)`,
  );
  const onPage = await page.$$eval("#checkpoint-part [data-check]", named);
  const charts = await texts(page, "#growth-part p, #lag-part p");
  await page.evaluate(() => {
    const note = sessionStorage.getItem("before").split("\n");
    note[2] = note[2].replace(/^./, (letter) => (letter === "A" ? "B" : "A"));
    localStorage.setItem("sijil-log-checkpoint", note.join("\n"));
  });
  await page.goBack();
  await page.waitForSelector("#state tbody tr");
  const rewritten = refuted(await verify(page));
  return { first, grown, onPage, charts, rewritten, faults: page.faults };
}

/** A moment at which the violation was not there yet. */
async function beforeFirst(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await find(page, "7001");
  await page.fill("[name=asOf]", "2026-01-04T09:00:00");
  await page.click("form:has([name=asOf]) button");
  await page.waitForSelector("#state p");
  const read = async () => ({
    said: await texts(page, "#state, #fact, #fact + p, #notice"),
    slider: [await page.inputValue("#slider"), await page.getAttribute("#slider", "aria-valuetext")],
    chosen: await page.locator(".timeline [aria-current=step]").count(),
  });
  const found = await read();
  await page.reload();
  await page.waitForSelector("#state p");
  return { ...found, again: await read(), faults: page.faults };
}

/** What the field has for a moment: as it was typed, then after the slider, after a moment again, and after a fact. */
async function moment(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await find(page, "7001");
  const fields = [];
  const at = async (version) => {
    await page.waitForSelector(`#state[data-version="${version}"] .changed`);
    fields.push(await page.inputValue("[name=asOf]"));
  };
  const show = async () => {
    await page.fill("[name=asOf]", "2026-01-07T12:00:01");
    await page.click("form:has([name=asOf]) button");
    await at(3);
  };
  await show();
  await page.fill("#slider", "4");
  await at(4);
  await show();
  await page.click(REJECTION + " button");
  await at(5);
  return { fields, faults: page.faults };
}

/** The other language, in the middle of a search and of a stream: everything stays where it was. */
async function language(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await page.waitForSelector("table.rows");
  await page.click("summary");
  await page.fill("[name=positionTo]", "30");
  await turn(page, "Apply");
  await turn(page, "Older");
  await page.fill("[name=number]", "47");
  await page.fill("[name=correlationId]", "not applied yet");
  const search = () =>
    page.evaluate(() => ({
      typed: [...document.querySelectorAll("main input, main select")].map(({ value }) => value),
      open: document.getElementById("filter").open,
      positions: [...document.querySelectorAll("table.rows td:first-child code")].map(({ innerText }) => innerText),
      focus: document.activeElement.id,
    }));
  const found = { search: [await search()] };
  await inLanguage(page, "ar", "table.rows");
  found.search.push(await search());
  await find(page, "7001");
  await page.click('.timeline li[data-version="3"] button');
  await page.click("#raw summary");
  await page.fill("[name=asOf]", "2026-01-07T12:00:00");
  await verify(page);
  await page.click("#sealed summary");
  const stream = () =>
    page.evaluate(() => ({
      address: location.hash,
      slider: document.getElementById("slider").value,
      chosen: document.querySelector(".timeline li:has([aria-current=step])").dataset.version,
      fact: document.querySelectorAll("#state .changed").length,
      asOf: document.querySelector("[name=asOf]").value,
      open: ["raw", "sealed"].map((id) => document.getElementById(id).open),
      checks: document.querySelectorAll(".proof .proven[data-check]").length,
      focus: document.activeElement.id,
    }));
  found.stream = [await stream()];
  await inLanguage(page, "en", "#sealed[open]");
  found.stream.push(await stream());
  return { ...found, verdict: await page.innerText(".verdict"), faults: page.faults };
}

async function inLanguage(page, wanted, shown) {
  await page.click("#language");
  await page.waitForSelector(`html[lang=${wanted}]`);
  await page.waitForSelector(shown);
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

/** What the console says in Arabic where something is not there, or was typed in a wrong form. */
async function refusals(browser) {
  const page = await newPage(browser, url, { language: "ar" });
  await signIn(page);
  await page.waitForSelector("table.rows");
  await page.click("summary");
  const said = {};
  const wrong = { stream: "x", positionTo: "x", aboutPersonId: "x", type: "Nonsense.Happened", aboutNationalId: "12" };
  for (const [name, typed] of Object.entries(wrong)) {
    await page.fill(`[name=${name}]`, typed);
    await page.click("#filter button.main");
    await page.waitForSelector("#notice:not(:empty)");
    said[name] = await page.innerText("#notice");
    await page.fill(`[name=${name}]`, "");
    await page.click("#filter button.main");
    await page.waitForSelector("table.rows");
  }
  await page.fill("[name=number]", "٤٧١١");
  await page.press("[name=number]", "Enter");
  await page.waitForSelector("form[role=search] [role=status]:not(:empty)");
  said.number = await page.innerText("form[role=search] [role=status]");
  await page.fill("[name=number]", UNKNOWN);
  await page.press("[name=number]", "Enter");
  await page.waitForSelector("main p.card");
  said.unknown = (await page.innerText("main")).replace(UNKNOWN, "");
  await page.goto("/audit#/");
  await page.waitForSelector("table.rows");
  await page.fill("[name=number]", "");
  await page.press("[name=number]", "Enter");
  said.empty = await page.evaluate(() => document.querySelector("[name=number]").validationMessage);
  await find(page, "7001");
  await page.fill("[name=asOf]", "2126-01-01T00:00:00");
  await page.click("form:has([name=asOf]) button");
  await page.waitForSelector("#notice:not(:empty)");
  said.toCome = await page.innerText("#notice");
  await page.route("**/graphql", (route) => route.fulfill({ status: 502, body: "<html>Bad gateway</html>" }));
  await page.click("nav a[href='#/log']");
  await page.waitForSelector("#notice:not(:empty)");
  said.unreachable = await page.innerText("#notice");
  return { said, faults: page.faults.filter((fault) => !fault.includes("502") && !fault.includes("/graphql")) };
}

const UNKNOWN = "3f2a91c4-5d0b-4b58-9e2e-0a3a4f6b1c01";

/** A stream of more facts than are asked for at once. */
async function long(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await page.waitForSelector("table.rows");
  await page.click("summary");
  await page.fill("[name=type]", "User.RoleRevoked");
  await turn(page, "Apply");
  await page.click("table.rows tbody tr:first-child a");
  await page.waitForSelector("#fact + dl");
  const facts = () => page.locator(".timeline li").count();
  const [heading, straight] = [await page.innerText("h1"), [await facts(), await page.innerText("#fact")]];
  await page.goto(page.url().replace(/[0-9]+$/, "1"));
  await page.waitForSelector('.timeline li[data-version="1"] [aria-current=step]');
  const before = await facts();
  await page.focus("#slider");
  await page.keyboard.press("End");
  await page.waitForSelector("#fact + p");
  const further = await page.innerText("#fact + p");
  await page.click("button:text-is('Show more')");
  await page.waitForSelector("#fact + dl");
  const fact = await page.innerText("#fact");
  return { heading, straight, facts: [before, await facts()], further, fact, faults: page.faults };
}

/** A browser that knows no Ed25519 says so, and keeps nothing that it could not check. */
async function withoutEd25519(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await find(page, "7001");
  await page.evaluate(() => {
    crypto.subtle.importKey = () => Promise.reject(new DOMException("", "NotSupportedError"));
  });
  const checks = await verify(page);
  const verdict = await page.innerText(".verdict");
  const kept = await page.evaluate(() => localStorage.getItem("sijil-log-checkpoint"));
  return { checks, verdict, kept, faults: page.faults };
}

const refuted = (checks) => checks.filter((check) => check.endsWith(" refuted")).map((check) => check.split(" ")[0]);
const again = (change, text) => Buffer.from(change(Buffer.from(text, "base64").toString())).toString("base64");
const flipped = (text) => (text.startsWith("A") ? "B" : "A") + text.slice(1);

async function changeReceipt(route, change) {
  if (!route.request().postData().includes("query Receipt")) return route.continue();
  const response = await route.fetch();
  const answer = await response.json();
  answer.data.receipt.proof = change(answer.data.receipt.proof);
  return route.fulfill({ response, json: answer });
}

/** With the keyboard alone: from the empty page to a proof. */
async function keyboard(browser) {
  const page = await newPage(browser, url);
  const type = (text) => page.keyboard.type(text);
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const until = async (what, reached = (text) => text.includes(what)) => {
    for (let steps = 0; steps < 80; steps += 1) {
      await press("Tab");
      if (
        reached(
          await page.evaluate(
            () => `${document.activeElement.name} ${document.activeElement.id} ${document.activeElement.textContent}`,
          ),
        )
      )
        return;
    }
    throw new Error(`Tab does not lead to ${what}`);
  };
  await page.waitForSelector("[name=username]");
  await until("username");
  await type("yousef");
  await until("password");
  await type("Absher#2026");
  await press("Enter");
  await page.waitForSelector("[name=code]:focus");
  await type(await code(url));
  await press("Enter");
  await page.waitForSelector("table.rows");
  const heading = await page.evaluate(() => document.activeElement.tagName);
  await until("number");
  await type("7001");
  await press("Enter");
  await page.waitForSelector("#state tbody tr");
  await until("slider");
  await press("Home", "ArrowRight");
  await page.waitForSelector('.timeline li[data-version="1"] [aria-current=step]');
  await until("Verify the proof");
  await press("Enter");
  await page.waitForSelector(".verdict");
  return {
    heading,
    announced: await page.innerText("#status"),
    verdict: await page.innerText(".verdict"),
    faults: page.faults,
  };
}

/** Every part in both languages, wide and narrow: barriers, and what does not fit. Screenshots go into the folder, if there is one. */
async function parts(browser) {
  const found = { barriers: [], overhangs: [], faults: [] };
  for (const [language, width] of [
    ["en", 1280],
    ["ar", 1280],
    ["en", 360],
    ["ar", 360],
  ]) {
    const page = await newPage(browser, url, { language, width });
    const look = async (name) => {
      found.barriers.push(...(await barriers(page)).map((one) => `${name} ${language} ${width}: ${one}`));
      if ((await overhang(page)) > 0) found.overhangs.push(`${name} ${language} ${width}`);
      if (folder) await page.screenshot({ path: `${folder}/${name}-${language}-${width}.png`, fullPage: true });
    };
    await page.waitForSelector("[name=username]");
    await look("sign-in");
    await signIn(page);
    await page.waitForSelector("table.rows");
    await page.click("summary");
    await look("search");
    await find(page, "7001");
    await verify(page);
    for (const summary of await page.$$("#fact ~ * summary, #fact ~ details > summary")) await summary.click();
    await look("stream");
    await page.goto("/audit#/log");
    await page.waitForSelector("#growth-part svg");
    await page.waitForSelector("[data-check]");
    await look("log");
    found.faults.push(...page.faults);
    await page.context().close();
  }
  return found;
}

/** A session that goes on after a reload, is ended elsewhere, and people who are no auditors. */
async function session(browser) {
  const page = await newPage(browser, url);
  await signIn(page);
  await page.reload();
  await page.waitForSelector("table.rows");
  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
  );
  await page.selectOption("[name=purpose]", "INVESTIGATION");
  await page.fill("[name=caseReference]", "قضية ٧");
  const asked = page.waitForRequest((request) => request.postData()?.includes("query ReadModels"));
  await page.click("nav a[href='#/log']");
  const { purpose, "case-reference": reference } = (await asked).headers();
  await page.waitForSelector("#lag-part tbody tr");
  await page.click("nav a[href='#/']");
  await page.waitForSelector("table.rows");
  await page.context().clearCookies();
  await page.route("**/graphql", (route) =>
    route.continue({ headers: { ...route.request().headers(), authorization: "Bearer ended" } }),
  );
  await page.click("nav a[href='#/log']");
  await page.waitForSelector("[name=username]");
  const ended = await page.innerText("#notice");
  await page.unroute("**/graphql");
  await signIn(page, "khalid");
  await page.waitForSelector("h1");
  const other = await page.innerText("main");
  await page.click("header button:text-is('Sign out')");
  await page.waitForSelector("[name=username]");
  await page.reload();
  await page.waitForSelector("[name=username]");
  return {
    purpose,
    reference: Buffer.from(reference, "latin1").toString(),
    stored: /eyJ|refresh/i.test(stored),
    ended,
    other,
    faults: page.faults.filter((fault) => !fault.includes("401")),
  };
}

const FLOWS = {
  "rejection-en": (browser) => rejection(browser, "en"),
  "rejection-ar": (browser) => rejection(browser, "ar"),
  search,
  tampered,
  keyboard,
  parts,
  session,
  growth,
  beforeFirst,
  moment,
  language,
  refusals,
  long,
  withoutEd25519,
};

console.log(JSON.stringify(await inBrowser(chrome, FLOWS[flow])));
