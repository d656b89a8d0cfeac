/** A map from two sets of sentences. */

import { send } from "./api.js";
import { $, h, showError } from "./dom.js";
import { watchJob } from "./job.js";
import { drawModels, onModel } from "./models.js";
import { markField } from "./runner.js";
import { mapNamed, modelsOf, onServer } from "./server.js";
import { sentenceField, sentences } from "./sentences.js";
import { bind, save, state } from "./state.js";

const part = state.fit;

/** The methods that need nothing beside two sets of sentences. */
const methods = {
  linear: "Linear: each neuron’s values are stretched and shifted from the first side’s distribution to the second’s. The usual choice.",
  mean: "Mean: each neuron is shifted by the difference of the means. Needs the fewest sentences.",
  gaussian: "Gaussian: shifted and stretched by means and spreads alone.",
  aurA: "AurA: neurons that tell the first side from the second are dampened. Takes something away, brings nothing in.",
  caa: "CAA: the mean difference at the last token.",
  repe: "RepE: the first principal direction of the differences of pairs; sentence by sentence.",
  chars: "CHaRS: tokens are moved between clusters, for concepts that are more than one cloud.",
};

const nameOf = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

function requestBody() {
  const body = { name: part.name, model: part.model, source: sentences(part.source), target: sentences(part.target), method: part.method };
  const sites = part.sites.split("\n").map((line) => line.trim()).filter(Boolean);
  if (sites.length) body.sites = sites;
  for (const name of ["estimation", "pooling", "support"]) if (part[name]) body[name] = part[name];
  if (part.shrinkage !== "") body.shrinkage = Number(part.shrinkage);
  if (part.skip !== "") body.skip_first = Number(part.skip);
  if (part.seed !== "") body.seed = Number(part.seed);
  return body;
}

/** What the page itself can tell is missing: the place, and a sentence. */
function missing() {
  if (!sentences(part.source).length) return ["fit-source", "The side to lead away from has no sentences."];
  if (!sentences(part.target).length) return ["fit-target", "The side to lead to has no sentences."];
  if (!nameOf.test(part.name)) return ["fit-name", part.name ? `“${part.name}” cannot be a map’s name: letters, digits, - _ . and no dot at the beginning.` : "The map needs a name."];
  return null;
}

/** Marks the field that an error is about. */
function blame(id) {
  for (const field of $("fit-form").querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  if ($(id)) markField($(id));
}

async function start() {
  showError($("fit-error"));
  blame(null);
  const fault = missing();
  if (fault) {
    showError($("fit-error"), fault[1]);
    return blame(fault[0]);
  }
  $("fit-run").disabled = true;
  try {
    const job = await send("v1/maps", "POST", requestBody());
    part.job = job.id;
    save();
    follow(job);
  } catch (error) {
    $("fit-run").disabled = false;
    showError($("fit-error"), error);
    // A field of a list is told with its place: sites[0].
    const field = error.param?.replace(/\[.*/, "");
    if (field) blame(`fit-${{ skip_first: "skip" }[field] ?? field}`);
  }
}

function follow(job) {
  $("fit-run").disabled = true;
  watchJob($("fit-job"), job, () => {
    part.job = "";
    save();
    $("fit-run").disabled = false;
  });
}

export function startFit() {
  const sides = [
    { id: "fit-source", name: "source", title: "From", hint: "Sentences to lead away from, one a line." },
    { id: "fit-target", name: "target", title: "To", hint: "Sentences to lead to, one a line." },
  ].map((side, index) => sentenceField({ ...side, part, dropped: (files) => take(files, index) }));

  /** One file goes where it was dropped; of two each goes to the side that its name tells, or in their order. */
  function take(files, index) {
    if (files.length < 2) return files[0] && sides[index].take(files[0]);
    const isTurned = /target|\bto\b/i.test(files[0].name) || /source|from/i.test(files[1].name);
    sides[0].take(files[isTurned ? 1 : 0]);
    sides[1].take(files[isTurned ? 0 : 1]);
  }

  $("fit-sentences").append(...sides.map((side) => side.element));
  $("fit-method").append(...Object.keys(methods).map((method) => h("option", {}, method)));
  for (const name of ["name", "method", "sites", "estimation", "pooling", "support", "shrinkage", "skip", "seed"]) bind($(`fit-${name}`), part, name, hints);
  onModel(part, "fit");

  function hints() {
    $("fit-method-hint").textContent = methods[part.method] ?? "";
    $("fit-name-hint").textContent = mapNamed(part.name) ? "A map of this name is there: it is replaced." : "Letters, digits, - _ .";
  }

  let isFirst = true;
  onServer(() => {
    const models = modelsOf("text");
    drawModels(part, "fit", models);
    hints();
    if (isFirst && part.job) follow({ id: part.job });
    isFirst = false;
  });
  $("fit-form").addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
}
