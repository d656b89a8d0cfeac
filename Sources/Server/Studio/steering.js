/** The maps that act, with their strengths, and when and where each acts. */

import { $, h, iconButton } from "./dom.js";
import { mapNamed, mapsFor, onServer } from "./server.js";
import { slider } from "./slider.js";
import { save } from "./state.js";
import { openTab } from "./tabs.js";

const most = 16;
let count = 0;

/** A field of a row's settings; an empty one is not sent. */
function setting(row, name, label, properties) {
  const id = `setting-${(count += 1)}`;
  const field = h("input", { id, "data-setting": name, value: row[name] ?? "", spellcheck: false, ...properties });
  field.addEventListener("input", () => {
    row[name] = field.value;
    save();
  });
  return h("div", {}, h("label", { htmlFor: id }, label), field);
}

function choice(row, name, label, options, changed) {
  const id = `setting-${(count += 1)}`;
  const field = h("select", { id }, options.map(([value, text]) => h("option", { value }, text)));
  field.value = row[name] ?? options[0][0];
  field.addEventListener("change", () => {
    row[name] = field.value;
    save();
    changed?.();
  });
  return h("div", {}, h("label", { htmlFor: id }, label), field);
}

const sites = (row) => setting(row, "sites", "Sites (a regular expression)", { placeholder: "all of the map", className: "code" });

/** What a row for texts can be told. */
function textSettings(row) {
  const during = setting(row, "during", "over so many tokens", { type: "number", min: 1, step: 1, placeholder: "8" });
  const show = () => (during.hidden = !["ramp", "decay"].includes(row.schedule));
  show();
  return [
    h(
      "div", { className: "fields" },
      choice(row, "scope", "Acts on", [["all", "everything"], ["prompt", "the prompt"], ["generation", "the answer"]]),
      choice(row, "schedule", "Over time", [["constant", "the same"], ["ramp", "grows"], ["decay", "fades"]], show),
      during,
      setting(row, "first", "From token", { type: "number", min: 0, step: 1, placeholder: "0" }),
      setting(row, "end", "before token", { type: "number", min: 1, step: 1, placeholder: "the last" }),
    ),
    setting(row, "after", "Only after this was written", { placeholder: "anywhere" }),
    sites(row),
  ];
}

/** What a row for pictures can be told. */
const pictureSettings = (row) => [
  h(
    "div", { className: "fields" },
    setting(row, "from", "From share of steps", { type: "number", min: 0, max: 1, step: 0.05, placeholder: "0" }),
    setting(row, "to", "to share of steps", { type: "number", min: 0, max: 1, step: 0.05, placeholder: "1" }),
    choice(row, "half", "Acts on", [["both", "picture with and without text"], ["text", "the half with the text"]]),
  ),
  sites(row),
];

const filled = (value) => value !== undefined && value !== null && value !== "";

/**
 * A row as the server takes it; settings that are not set are left out.
 * @param {number} tokens - How many are written at most: the end of a range that has none.
 */
export function steer(row, kind, tokens) {
  const steering = { map: row.map, strength: row.strength };
  if (filled(row.sites)) steering.sites = row.sites;
  if (kind === "picture") {
    if (filled(row.from) || filled(row.to)) steering.range = [Number(row.from || 0), filled(row.to) ? Number(row.to) : 1];
    if (row.half === "text") steering.half = row.half;
    return steering;
  }
  if (filled(row.scope) && row.scope !== "all") steering.scope = row.scope;
  if (filled(row.after)) steering.after = row.after;
  if (filled(row.first) || filled(row.end)) {
    const first = Number(row.first || 0);
    steering.tokens = [first, filled(row.end) ? Number(row.end) : Math.max(tokens, first + 1)];
  }
  if (filled(row.schedule) && row.schedule !== "constant") steering.schedule = { type: row.schedule, tokens: Number(row.during || 8) };
  return steering;
}

/**
 * The list of rows, and the button that adds one.
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
    const id = `setting-${(count += 1)}`;
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

  none.append("No map fits this model yet. ", h("button", { type: "button", className: "link", onclick: () => openTab("fit") }, "Fit one"), ", or ",
    h("button", { type: "button", className: "link", onclick: () => openTab("maps") }, "upload one"), ".");
  place.append(list, none, button);
  // What is being typed or dragged is not drawn anew under the hand.
  let before = "";
  const drawNew = () => {
    const now = JSON.stringify([model(), mapsFor(model()).map((map) => map.id)]);
    if (now !== before) draw();
    before = now;
  };
  onServer(drawNew);
  draw();

  /** Marks and shows what a refusal is about: `steering[1].sites`; nothing takes the marks away. */
  function blame(param) {
    for (const field of list.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    const [, index, name] = param?.match(/^steering\[(\d+)\](?:\.(\w+))?/) ?? [];
    const row = list.children[index];
    const settings = { tokens: "first", schedule: "during", range: "from" };
    const field = row?.querySelector(`[data-setting="${settings[name] ?? name}"]`) ?? row?.querySelector("select");
    if (!field) return;
    if (field.closest("details")) field.closest("details").open = true;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }

  return { draw, drawNew, blame };
}
