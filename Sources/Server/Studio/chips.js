/** Strengths as chips that are added and removed. */

import { h, icon, iconButton, number } from "./dom.js";

const most = 16;

/**
 * @param {HTMLFieldSetElement} place
 * @param {number[]} values - Kept sorted and without doubles, in place.
 * @param {() => void} changed
 */
export function chips(place, values, changed) {
  const list = h("ul", { className: "chips", "aria-label": "Strengths" });
  const id = `${place.id}-new`;
  const field = h("input", { type: "number", id, step: 0.05, min: -8, max: 8, placeholder: "0.25" });
  const button = h("button", { type: "button", className: "icon", title: "Add this strength", "aria-label": "Add this strength", onclick: add }, icon("plus"));

  function draw() {
    list.replaceChildren(
      ...values.map((value, index) =>
        h("li", { className: "chip" }, h("span", {}, number(value)), iconButton("close", `Remove strength ${number(value)}`, () => remove(index)))),
    );
    for (const chip of list.querySelectorAll("button")) chip.disabled = values.length === 1;
    button.disabled = field.disabled = values.length >= most;
  }

  function remove(index) {
    values.splice(index, 1);
    draw();
    changed();
    const left = list.querySelectorAll("button:not(:disabled)");
    (left[Math.min(index, left.length - 1)] ?? field).focus();
  }

  function add() {
    const value = field.valueAsNumber;
    if (!Number.isFinite(value)) return field.focus();
    if (!values.includes(value)) values.push(value);
    values.sort((a, b) => a - b);
    field.value = "";
    draw();
    changed();
    field.focus();
  }

  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    add();
  });
  draw();
  place.append(
    h("legend", {}, "Strengths, side by side"), h("p", { className: "hint" }, "Each multiplies the strengths of the maps above."),
    h("div", { className: "strengths" }, list, h("div", { className: "add" }, h("label", { htmlFor: id, className: "unseen" }, "Another strength"), field, button)),
  );
}
