/** The maps that act, with their strengths, and when and where each acts. */

import { $, h, iconButton } from "./dom.js";
import { markField } from "./runner.js";
import { mapNamed, mapsFor, onServer } from "./server.js";
import { slider } from "./slider.js";
import { save } from "./state.js";
import { openTab } from "./tabs.js";
import { fieldOf, pictureSettings, textSettings } from "./where.js";

const most = 16;
let count = 0;

/**
 * The list of rows, and the button that adds one.
 * @param {HTMLFieldSetElement} place
 * @param {{kind: "text" | "picture", model: () => string, rows: object[], changed: () => void}} options
 */
export function steering(place, { kind, model, rows, changed }) {
  const list = h("ul", { className: "steers" });
  const none = h("p", { className: "hint" });
  const button = h("button", { type: "button", className: "small", onclick: add }, "Add a map");

  const note = (row) => {
    const map = mapNamed(row.map);
    if (!map) return "This map is not on the server.";
    if (!map.model.includes(model())) return "This map does not fit the model.";
    if (map.conditional) return "Acts only where the prompt meets the map’s condition.";
    return "";
  };

  function drawRow(row, index) {
    const id = `map-${(count += 1)}`;
    const names = mapsFor(model()).map((map) => map.id);
    if (!names.includes(row.map)) names.unshift(row.map);
    const select = h("select", { id, className: "grow", "aria-label": `Map ${index + 1}` }, names.map((name) => h("option", {}, name)));
    select.value = row.map;
    select.addEventListener("change", () => {
      row.map = select.value;
      draw();
      done();
      $(place.id).querySelectorAll("select.grow")[index].focus();
    });
    const says = note(row);
    const details = h(
      "details", { open: row.isOpen ?? false },
      h("summary", {}, "When and where"),
      kind === "text" ? textSettings(row) : pictureSettings(row),
    );
    details.addEventListener("toggle", () => {
      row.isOpen = details.open;
      save();
    });
    return h(
      "li", { className: "steer" },
      h("div", { className: "line" }, select, iconButton("close", `Remove ${row.map}`, () => remove(index))),
      slider(`Strength of ${row.map}`, row.strength, (value) => {
        row.strength = value;
        done();
      }),
      says && h("p", { className: "hint" }, says),
      details,
    );
  }

  function draw() {
    const focused = document.activeElement;
    list.replaceChildren(...rows.map(drawRow));
    const isAvailable = mapsFor(model()).length > 0;
    button.disabled = !isAvailable || rows.length >= most;
    none.hidden = rows.length > 0 || isAvailable;
    if (place.contains(focused)) focused.focus();
  }

  function done() {
    save();
    changed();
  }

  function add() {
    const maps = mapsFor(model());
    const map = maps.find((map) => !rows.some((row) => row.map === map.id)) ?? maps[0];
    rows.push({ map: map.id, strength: 1 });
    draw();
    done();
    list.lastElementChild.querySelector("select").focus();
  }

  function remove(index) {
    rows.splice(index, 1);
    draw();
    done();
    (list.querySelectorAll("li")[Math.min(index, rows.length - 1)]?.querySelector("button.icon") ?? button).focus();
  }

  const to = (tab, text) => h("button", { type: "button", className: "link", onclick: () => openTab(tab) }, text);
  const other = kind === "text" ? [to("fit", "Fit one"), ", or "] : ["The command monge fit makes one; "];
  none.append("No map fits this model yet. ", ...other, to("maps", "upload one"), ".");
  place.append(h("legend", {}, "Maps"), list, none, button);
  // What is being typed or dragged is not drawn anew under the hand.
  let before = "";
  const drawNew = () => {
    const now = JSON.stringify([model(), mapsFor(model()).map((map) => map.id)]);
    if (now !== before) draw();
    before = now;
  };
  onServer(drawNew);
  draw();

  /** Marks the field that a refusal is about: `steering[1].sites`. */
  function blame(param) {
    const [, index, name] = param?.match(/^steering\[(\d+)\](?:\.(\w+))?/) ?? [];
    const row = list.children[index];
    const field = row && (fieldOf(row, name) ?? row.querySelector("select"));
    if (field) markField(field);
  }

  return { draw, drawNew, blame };
}
