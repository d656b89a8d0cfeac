/** When and where a map acts: the fields that say it, and what the server is told of them. */

import { h } from "./dom.js";
import { save } from "./state.js";

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
export function textSettings(row) {
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
export const pictureSettings = (row) => [
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

/** The field in a row's element that a part of `steering` comes from. */
export function fieldOf(element, name) {
  const settings = { tokens: "first", schedule: "during", range: "from" };
  return element.querySelector(`[data-setting="${settings[name] ?? name}"]`);
}
