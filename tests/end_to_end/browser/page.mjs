// A page of the server in a browser that reaches nothing else: what somebody does there, and what is to be seen then.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const PATIENCE = 15_000; // milliseconds

/** Run something in a browser, and answer what it answers; a fault of the page is one of the test. */
export async function inBrowser(chrome, run) {
  const browser = await chromium.launch({ executablePath: chrome, args: FLAGS });
  try {
    return await run(browser);
  } finally {
    await browser.close();
  }
}

/** A page in a browser that knows nothing yet; `faults` fills with what goes wrong in it. */
export async function newPage(browser, url, { path = "/audit", language = "en", width = 1280, scheme = "light" } = {}) {
  const locale = { ar: "ar-SA", en: "en-GB" }[language];
  const viewport = { width, height: 900 };
  const context = await browser.newContext({ baseURL: url, locale, viewport, colorScheme: scheme });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (fault) => faults.push(String(fault)));
  page.on("console", (said) => said.type() === "error" && faults.push(said.text()));
  page.on("request", (request) => request.url().startsWith(url) || faults.push(`asked ${request.url()}`));
  await page.goto(path);
  return Object.assign(page, { faults, server: url });
}

/** The code that was sent last. */
export async function code(url) {
  const { messages } = await (await fetch(`${url}/outbox`, { headers: { Accept: "application/json" } })).json();
  return messages.map(({ text }) => text.match(/[0-9]{6}/)?.[0]).find(Boolean);
}

/** Record something beside what the page does: the auditor's own language, set to another one. */
export async function record(url, language, username = "yousef") {
  const mutate = async (query, token) => {
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
    return (await answer.json()).data;
  };
  const begun = await mutate(
    `mutation { signIn(input: {username: "${username}", password: "Absher#2026"}) { challenge { id } } }`,
  );
  const input = `{challengeId: "${begun.signIn.challenge.id}", code: "${await code(url)}"}`;
  const { confirmSignIn } = await mutate(`mutation { confirmSignIn(input: ${input}) { session { accessToken } } }`);
  await mutate(
    `mutation { setLanguage(input: {language: ${language}}) { problems { code } } }`,
    confirmSignIn.session.accessToken,
  );
}

export async function signIn(page, username = "yousef") {
  await page.fill("[name=username]", username);
  await page.fill("[name=password]", "Absher#2026");
  await page.click("main button.main");
  await page.waitForSelector("[name=code]");
  await page.fill("[name=code]", await code(page.server));
  await page.click("main button.main");
  await page.waitForSelector("[name=code]", { state: "detached" });
}

export async function find(page, number) {
  await page.fill("[name=number]", number);
  await page.press("[name=number]", "Enter");
  await page.waitForSelector("#state tbody tr").catch(async (fault) => {
    throw new Error(`${await page.innerText("body")}\n${page.faults}`, { cause: fault });
  });
}

export async function verify(page) {
  await page.click("#fact ~ div button.main");
  await page.waitForSelector(".verdict");
  return page.$$eval(".proof [data-check]", named);
}

/** In the page: checks, each with what came of it. */
export const named = (all) => all.map(({ dataset, className }) => `${dataset.check} ${className}`);

/** What axe-core finds serious or critical here, or in a part of it. */
export async function barriers(page, part = "html") {
  await page.evaluate(await readFile(AXE, "utf-8"));
  const { violations } = await page.evaluate((selector) => globalThis.axe.run(selector), part);
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}

/** By how many pixels the page is wider than its window. */
export const overhang = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

export const texts = (page, selector) => page.$$eval(selector, (all) => all.map(({ innerText }) => innerText.trim()));
