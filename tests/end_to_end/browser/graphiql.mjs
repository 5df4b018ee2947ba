// GraphiQL in a browser: what a developer does there first, with tokens of two people.

import { barriers, inBrowser, newPage, overhang, texts } from "./page.mjs";

const [chrome, url, rajesh, khalid, shots] = process.argv.slice(2);
const FIELDS = ["token", "language", "purpose"];

/** What the server answers to the tab that is open. */
async function run(page) {
  const answered = page.waitForResponse((response) => !response.request().postData()?.includes("IntrospectionQuery"));
  await page.click(".graphiql-execute-button");
  const answer = await (await answered).json();
  await page.waitForFunction(
    (shown) => document.querySelector(".result-window .CodeMirror").CodeMirror.getValue() === shown,
    JSON.stringify(answer, null, 2),
  );
  return answer;
}

/** What is told first in the tab that is open, which listens; then it stops, and the request ends. */
async function listen(page) {
  const ended = page.waitForEvent("requestfailed", (request) => request.postData()?.includes("myUpdates"));
  await page.click(".graphiql-execute-button");
  const told = await page.waitForFunction(() => {
    const shown = document.querySelector(".result-window .CodeMirror").CodeMirror.getValue();
    return shown.includes("myUpdates") && shown;
  });
  await page.click(".graphiql-execute-button");
  await ended;
  return JSON.parse(await told.jsonValue());
}

/** The tabs' documents that the served schema does not allow, and why; graphql-js comes with GraphiQL. */
const faultsOfTabs = () =>
  import("/graphiql/tabs.js").then(async ({ tabs }) => {
    const { buildClientSchema, getIntrospectionQuery, parse, validate } = globalThis.GraphiQL.GraphQL;
    const body = JSON.stringify({ query: getIntrospectionQuery() });
    const asked = { method: "POST", headers: { "Content-Type": "application/json" }, body };
    const schema = buildClientSchema((await (await fetch("/graphql", asked)).json()).data);
    return tabs.flatMap(({ query }) => validate(schema, parse(query)).map(String));
  });

const open = async (browser, scheme, width) => {
  const page = await newPage(browser, url, { path: "/graphql", scheme, width });
  await page.waitForSelector(".graphiql-execute-button");
  return page;
};

/** Open a tab, and wait until GraphiQL has read its document. */
async function choose(page, name) {
  await page.click(`.graphiql-tab-button:text-is("${name}")`);
  await page.waitForFunction((chosen) => localStorage.getItem("graphiql:operationName") === chosen, name);
}

const found = await inBrowser(chrome, async (browser) => {
  const page = await open(browser);
  const names = await texts(page, ".graphiql-tab-button");
  const faultsInTabs = await page.evaluate(faultsOfTabs);

  await choose(page, "Services");
  const everybodys = await run(page);
  await choose(page, "Mine");
  const nobodys = await run(page);
  await page.getByLabel("Access token").fill(`Bearer ${rajesh}`);
  const own = await run(page);
  await page.selectOption("[name=language]", "ar");
  const arabic = await run(page);
  if (shots) await page.screenshot({ path: `${shots}/graphiql-light.png` });
  await choose(page, "Visa");
  const visa = await run(page);
  await choose(page, "Updates");
  const told = await listen(page);
  if (shots) await page.screenshot({ path: `${shots}/graphiql-listens.png` });

  await page.reload();
  await page.waitForSelector(".graphiql-execute-button");
  const kept = await Promise.all(FIELDS.map((name) => page.inputValue(`[name=${name}]`)));
  const lasting = await page.evaluate(() => JSON.stringify([{ ...localStorage }, document.cookie]));
  await choose(page, "Counter");
  await page.getByLabel("Access token").fill(khalid);
  await page.selectOption("[name=purpose]", "COUNTER_REQUEST");
  const officers = await run(page);

  await page.focus("[name=token]");
  const order = [];
  for (const _ of FIELDS) {
    order.push(await page.evaluate(() => document.activeElement.name));
    await page.keyboard.press("Tab");
  }

  const dark = await open(browser, "dark");
  await dark.fill("[name=token]", rajesh);
  await run(dark);
  if (shots) await dark.screenshot({ path: `${shots}/graphiql-dark.png` });
  const narrow = await open(browser, "light", 400);
  if (shots) await narrow.screenshot({ path: `${shots}/graphiql-narrow.png` });
  return {
    names,
    faultsInTabs,
    answers: { everybodys, nobodys, own, arabic, visa, told, officers },
    kept,
    lasting,
    order,
    purposes: await page.$$eval("[name=purpose] option", (all) => all.map(({ value }) => value)),
    barriers: [await barriers(page, "#asks"), await barriers(dark, "#asks")].flat(),
    overhang: await overhang(narrow),
    faults: [page, dark, narrow].flatMap(({ faults }) => faults),
  };
});
console.log(JSON.stringify(found));
