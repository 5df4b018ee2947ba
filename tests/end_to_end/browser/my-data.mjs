// A copy of somebody's data in a browser: printed on A4, and looked at on a narrow screen.

import { pathToFileURL } from "node:url";
import { barriers, inBrowser, overhang } from "./page.mjs";

const [chrome, folder] = process.argv.slice(2);
const names = ["rajesh", "empty"];

const seen = await inBrowser(chrome, async (browser) => {
  const found = {};
  for (const name of names) {
    const page = await browser.newPage({ viewport: { width: 794, height: 1123 } }); // A4 at 96 dots an inch
    const faults = [];
    page.on("pageerror", (fault) => faults.push(String(fault)));
    page.on("console", (said) => said.type() === "error" && faults.push(said.text()));
    await page.goto(pathToFileURL(`${folder}/${name}.html`).href);
    const wide = {};
    await page.emulateMedia({ media: "print" });
    wide.print = await overhang(page);
    await page.pdf({ path: `${folder}/${name}.pdf`, format: "A4", preferCSSPageSize: true });
    await page.screenshot({ path: `${folder}/${name}.png` });
    await page.emulateMedia({ media: "screen" });
    await page.setViewportSize({ width: 360, height: 800 });
    wide.narrow = await overhang(page);
    await page.screenshot({ path: `${folder}/${name}-narrow.png` });
    const direction = await page.evaluate(() => getComputedStyle(document.body).direction);
    found[name] = { faults, overhang: wide, barriers: await barriers(page), direction };
    await page.close();
  }
  return found;
});
process.stdout.write(JSON.stringify(seen));
