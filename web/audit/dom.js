// Elements, made from values. Text is always set as text: nothing that the record says becomes markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `on…` listens; null, undefined and false leave an attribute or a child out. */
export const h = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);

/** An element of an SVG. */
export const svg = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

const isThere = (value) => value !== null && value !== undefined && value !== false;

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (!isThere(value)) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter(isThere)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
  return element;
}

/** Put other children into an element that is there. */
export const fill = (element, ...children) => element.replaceChildren(...children.flat(Infinity).filter(isThere));

/** Something from the record that is read from left to right in any language: an id, a number, a name in code. */
export const code = (text, attributes) => h("code", { dir: "ltr", ...attributes }, text);

/** Text of a program, to be unfolded. */
export const folded = (id, title, text, open = false) =>
  h("details", { id, open }, h("summary", {}, title), h("pre", { dir: "ltr", tabindex: 0 }, text));

/** A control with its label. */
export function field(label, control, hint) {
  const id = (control.id ||= `field-${control.name}`);
  const described = hint ? `${id}-hint` : null;
  if (described) control.setAttribute("aria-describedby", described);
  return h(
    "p",
    { class: "field" },
    h("label", { for: id }, label),
    control,
    hint && h("small", { id: described }, hint),
  );
}

export const select = (name, options, value) => {
  const control = h(
    "select",
    { name },
    options.map(([key, text]) => h("option", { value: key }, text)),
  );
  control.value = value ?? options[0][0];
  return control;
};
