// Small charts as SVG, each with its meaning in words.

import { svg } from "./dom.js";
import { dayOf, number, timeOfDay } from "./language.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [320, 130, 62, 10, 12, 24];

/** A line through samples [{at, value}], oldest first; `least` is the value at the bottom. */
export function line(samples, text, least = Math.min(...samples.map(({ value }) => value))) {
  const most = Math.max(...samples.map(({ value }) => value));
  const [from, until] = [samples[0].at, samples.at(-1).at];
  const x = (at) => (from === until ? WIDTH - RIGHT : LEFT + ((WIDTH - LEFT - RIGHT) * (at - from)) / (until - from));
  const y = (value) => HEIGHT - BOTTOM - ((value - least) / (most - least || 1)) * (HEIGHT - TOP - BOTTOM);
  const points = samples.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const last = samples.at(-1);
  const tell = isSameDay(from, until) ? timeOfDay : dayOf;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": text, class: "chart" },
    svg("path", { class: "axis", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` }),
    svg("polyline", { class: "line", points: points.join(" ") }),
    svg("circle", { class: "dot", cx: x(last.at), cy: y(last.value), r: 3.5 }),
    label(LEFT - 6, HEIGHT - BOTTOM, "end", number(least)),
    most > least && label(LEFT - 6, TOP + 4, "end", number(most)),
    from !== until && label(LEFT, HEIGHT - 7, "start", tell(from)),
    label(WIDTH - RIGHT, HEIGHT - 7, "end", tell(until)),
  );
}

const isSameDay = (one, other) => dayOf(one) === dayOf(other);

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
