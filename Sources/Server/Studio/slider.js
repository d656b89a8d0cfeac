/** A strength from −1 to 2 on a slider with a number beside it. */

import { h } from "./dom.js";

const least = -1;
const greatest = 2;
const step = 0.05;
const share = (value) => (Math.min(Math.max(value, least), greatest) - least) / (greatest - least);

/** @param {string} label - What both fields are called. */
export function slider(label, value, changed) {
  const common = { min: least, max: greatest, step };
  const range = h("input", { type: "range", className: "range", ...common, value, "aria-label": label });
  const field = h("input", { type: "number", step, value, "aria-label": `${label}, as a number` });

  function paint(value) {
    // The bar is drawn from 0, to either side.
    range.style.setProperty("--from", Math.min(share(0), share(value)));
    range.style.setProperty("--to", Math.max(share(0), share(value)));
  }

  range.addEventListener("input", () => {
    value = range.valueAsNumber;
    field.value = value;
    paint(value);
    changed(value);
  });
  field.addEventListener("input", () => {
    if (!Number.isFinite(field.valueAsNumber)) return;
    value = field.valueAsNumber;
    range.value = value;
    paint(value);
    changed(value);
  });
  field.addEventListener("change", () => (field.value = value));
  paint(value);
  const scale = h(
    "div", { className: "scale", "aria-hidden": "true" },
    [-1, 0, 1, 2].map((mark) => h("span", {}, mark < 0 ? `−${-mark}` : mark)),
  );
  return h("div", { className: "strength" }, h("div", { className: "track" }, range, scale), field);
}
