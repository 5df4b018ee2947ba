// Small charts as SVG, each with its meaning in words.

import { svg } from "./dom.js";
import { number, timeOfDay } from "./language.js";

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [320, 120, 8, 20, 22];

/** A line through samples [{at, value}], oldest first. */
export function line(samples, text) {
  const values = samples.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [from, until] = [samples[0].at, samples.at(-1).at];
  const x = (at) => (from === until ? WIDTH / 2 : LEFT + ((WIDTH - 2 * LEFT) * (at - from)) / (until - from));
  const y = (value) =>
    HEIGHT - BOTTOM - (most === least ? 0.5 : (value - least) / (most - least)) * (HEIGHT - TOP - BOTTOM);
  const points = samples.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const last = samples.at(-1);
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": text, class: "chart" },
    svg("path", { class: "axis", d: `M${LEFT} ${HEIGHT - BOTTOM}H${WIDTH - LEFT}` }),
    svg("polyline", { class: "line", points: points.join(" ") }),
    svg("circle", { class: "dot", cx: x(last.at), cy: y(last.value), r: 3.5 }),
    label(LEFT, 13, "start", number(most)),
    label(LEFT, HEIGHT - 7, "start", timeOfDay(from)),
    from !== until && label(WIDTH - LEFT, HEIGHT - 7, "end", timeOfDay(until)),
  );
}

/** A bar for a value, as a part of the greatest. */
export const bar = (value, most, text) =>
  svg(
    "svg",
    { viewBox: "0 0 100 10", role: "img", "aria-label": text, class: "bar", preserveAspectRatio: "none" },
    svg("rect", { class: "ground", width: 100, height: 10, rx: 2 }),
    svg("rect", { class: "level", width: most > 0 ? (100 * value) / most : 0, height: 10, rx: 2 }),
  );

// The chart runs from left to right in both languages, as time axes do in Arabic print too.
const label = (x, y, anchor, text) => svg("text", { x, y, "text-anchor": anchor, direction: "ltr" }, text);
