// What stays as it is while everything is said in another language: what was typed, what is unfolded, how far one has read.

const controls = () => document.querySelectorAll("main :is(input, select)[id]");
const foldings = () => document.querySelectorAll("main details[id]");

/** Take note of it all. Answers a function that brings it back to a page with the same controls. */
export function remember() {
  const typed = new Map([...controls()].map(({ id, value }) => [id, value]));
  const open = new Map([...foldings()].map(({ id, open }) => [id, open]));
  const top = scrollY;
  return () => {
    for (const control of controls()) control.value = typed.get(control.id) ?? control.value;
    for (const folding of foldings()) folding.open = open.get(folding.id) ?? folding.open;
    scrollTo(0, top);
  };
}
