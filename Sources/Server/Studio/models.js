/** The list of models that a part of the page works with. */

import { $, h } from "./dom.js";
import { save } from "./state.js";

/** The models of a kind in a part's list, with the chosen one, or the first where that is not there. */
export function drawModels(part, name, models) {
  if (!models.some((model) => model.id === part.model) && models.length) part.model = models[0].id;
  $(`${name}-model`).replaceChildren(...models.map((model) => h("option", { value: model.id }, model.id)));
  $(`${name}-model`).value = part.model;
}

/** Calls back when another model is chosen. */
export function onModel(part, name, changed) {
  $(`${name}-model`).addEventListener("change", () => {
    part.model = $(`${name}-model`).value;
    save();
    changed?.();
  });
}
