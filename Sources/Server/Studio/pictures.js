/** Pictures at several strengths, as they are drawn. */

import { chips } from "./chips.js";
import { $, bringUp, h, icon, number, say } from "./dom.js";
import { drawModels, onModel } from "./models.js";
import { Runner } from "./runner.js";
import { modelsOf, onServer } from "./server.js";
import { seedField } from "./seed.js";
import { events } from "./sse.js";
import { bind, save, state } from "./state.js";
import { steering } from "./steering.js";
import { openTab } from "./tabs.js";
import { steer } from "./where.js";

const part = state.pictures;
let list;
let seed;

/** One place of a strip: empty, then what is there of the picture, then the picture. */
class Frame {
  constructor(prompt, strength, steers) {
    this.prompt = prompt;
    this.strength = strength;
    this.strengthText = steers.length ? `strength ${number(strength)}` : "no map";
    this.picture = h("img", { alt: "", hidden: true });
    this.keep = h("button", { type: "button", className: "keep", disabled: true, onclick: () => this.choose() }, this.picture);
    this.words = h("span", {}, h("span", {}, this.strengthText));
    this.caption = h("p", {}, this.words);
    this.element = h("figure", { className: "frame running" }, this.keep, h("figcaption", {}, this.caption));
  }

  #show(base64, alt) {
    this.picture.src = `data:image/png;base64,${base64}`;
    this.picture.alt = alt;
    this.picture.hidden = false;
  }

  showPart(base64) {
    if (!this.isWhole) this.#show(base64, `${this.prompt}, ${this.strengthText}, not yet whole`);
  }

  show(event) {
    this.isWhole = true;
    this.seed = event.seed;
    this.#show(event.b64_json, `${this.prompt}, ${this.strengthText}, seed ${event.seed}`);
    this.element.classList.remove("running");
    this.keep.disabled = false;
    this.keep.title = `Keep the seed ${event.seed}`;
    const name = `${this.prompt.slice(0, 40).replace(/[^\p{L}\p{N}]+/gu, "-")}-${event.seed}${this.strengthText === "no map" ? "" : `-${this.strength}`}.png`;
    this.words.append(" ", h("span", { className: "quiet" }, `seed ${event.seed}`));
    this.caption.append(
      h("a", { href: this.picture.src, download: name, className: "icon", title: "Download", "aria-label": `Download ${this.picture.alt}` }, icon("download")),
    );
    this.mark();
  }

  choose() {
    seed.keep(this.seed);
    for (const frame of frames) frame.mark();
    say(`The seed ${this.seed} is kept.`);
  }

  mark() {
    if (this.isWhole) this.keep.setAttribute("aria-pressed", part.seedKept && part.seed === this.seed);
  }
}

let frames = [];

function requestBody(steers) {
  const body = {
    model: part.model, prompt: part.prompt, n: part.count, steps: part.steps, seed: seed.next(), size: part.size.trim() || "auto",
    steering: steers, stream: true, partial_images: 2, response_format: "b64_json",
  };
  if (steers.length) body.strengths = part.strengths;
  if (part.negative.trim()) body.negative_prompt = part.negative;
  if (part.guidance !== "") body.guidance = Number(part.guidance);
  return body;
}

function setRunning(isRunning) {
  $("pictures-progress").hidden = !isRunning;
  $("pictures-bar").removeAttribute("value");
  $("pictures-steps-done").textContent = "waiting …";
  $("pictures-strips").setAttribute("aria-busy", isRunning);
}

function lay(body, steers) {
  const strengths = body.strengths ?? [1];
  frames = Array.from({ length: body.n * strengths.length }, (_, index) => new Frame(part.prompt, strengths[index % strengths.length], steers));
  const strips = Array.from({ length: body.n }, (_, row) =>
    h("div", { className: "strip", role: "group", "aria-label": `Picture ${row + 1}` },
      frames.slice(row * strengths.length, (row + 1) * strengths.length).map((frame) => frame.element)));
  $("pictures-strips").replaceChildren(...strips);
}

async function work(signal) {
  const steers = part.maps.map((row) => steer(row, "picture"));
  const body = requestBody(steers);
  $("pictures-blank").hidden = true;
  lay(body, steers);
  let isFirst = true;
  for await (const event of events("v1/images/generations", body, signal)) {
    if (isFirst) bringUp($("pictures-progress"));
    isFirst = false;
    if (event.type === "image_generation.progress") {
      $("pictures-bar").max = event.total;
      $("pictures-bar").value = event.done;
      $("pictures-steps-done").textContent = `${event.done} of ${event.total}`;
    } else if (event.type === "image_generation.partial_image") frames[event.index]?.showPart(event.b64_json);
    else if (event.type === "image_generation.completed") frames[event.index]?.show(event);
  }
  return `${frames.length === 1 ? "The picture is" : `${frames.length} pictures are`} drawn.`;
}

function ended() {
  for (const frame of frames) frame.element.classList.remove("running");
  if (frames.some((frame) => frame.picture.src)) return;
  $("pictures-strips").replaceChildren();
  $("pictures-blank").hidden = false;
}

/** Puts a map among those that act on pictures. */
export function steerPicturesBy(name, modelName) {
  if (modelName && modelsOf("picture").some((model) => model.id === modelName)) part.model = modelName;
  if (!part.maps.some((row) => row.map === name)) part.maps.push({ map: name, strength: 1 });
  save();
  list.draw();
}

export function startPictures() {
  for (const name of ["prompt", "negative", "steps", "count", "size", "guidance"]) bind($(`pictures-${name}`), part, name);
  seed = seedField($("pictures-seed"), part);
  list = steering($("pictures-steering"), { kind: "picture", model: () => part.model, rows: part.maps, changed: () => {} });
  chips($("pictures-strengths"), part.strengths, save);
  onModel(part, "pictures", () => list.drawNew());
  onServer(() => {
    const models = modelsOf("picture");
    drawModels(part, "pictures", models);
    const size = models.find((model) => model.id === part.model)?.size;
    $("pictures-size").placeholder = size ? size.join("x") : "auto";
    $("tab-pictures").hidden = !models.length;
    openTab(state.tab);
    list.drawNew();
  });
  new Runner($("pictures-form"), { name: "pictures", label: "Draw", work, ended, running: setRunning, blame: (param) => list.blame(param) });
}
