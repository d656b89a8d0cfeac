/** A seed that is kept or thrown anew for each run. */

import { h, icon, iconButton } from "./dom.js";
import { bind, save } from "./state.js";

/** Positive and exact in every JSON reader. */
const throwSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;

/** @returns `{next(), keep(seed)}`: the seed of the next run, and the way to hold on to one. */
export function seedField(place, part) {
  const field = h("input", { type: "number", id: `${place.id}-value`, "data-param": "seed", min: 0, step: 1 });
  const lock = h("button", { type: "button", className: "icon", onclick: () => set(!part.seedKept) });
  const dice = iconButton("dice", "Throw another seed", () => keep(throwSeed(), part.seedKept));

  function set(isKept) {
    part.seedKept = isKept;
    lock.replaceChildren(icon(isKept ? "lock" : "unlock"));
    lock.setAttribute("aria-pressed", isKept);
    lock.setAttribute("aria-label", "Keep this seed");
    lock.title = isKept ? "The seed is kept: the same settings give the same result" : "Each run has a seed of its own";
    save();
  }

  function keep(seed, isKept = true) {
    part.seed = seed;
    field.value = seed;
    set(isKept);
  }

  bind(field, part, "seed");
  set(part.seedKept);
  place.append(h("label", { htmlFor: field.id }, "Seed"), h("div", { className: "joined" }, field, lock, dice));
  return {
    keep,
    next() {
      if (!part.seedKept) keep(throwSeed(), false);
      return part.seed;
    },
  };
}
