/** Texts at several strengths, as they are written. */

import { Column } from "./column.js";
import { chips } from "./chips.js";
import { $, bringUp, showError } from "./dom.js";
import { showEvaluations } from "./evaluation.js";
import { drawModels, onModel } from "./models.js";
import { legend } from "./movement.js";
import { Runner } from "./runner.js";
import { modelsOf, onServer, server } from "./server.js";
import { seedField } from "./seed.js";
import { bind, save, state } from "./state.js";
import { steering } from "./steering.js";
import { steer } from "./where.js";
import { written } from "./writing.js";

const part = state.text;
let runner;
let list;
let seed;

const model = () => server.models.find((model) => model.id === part.model);
const isChat = () => part.layout === "chat" && (model()?.has_chat ?? false);

/** Settings that depend on the model. */
function drawModel() {
  const models = modelsOf("text");
  drawModels(part, "text", models);
  runner.isAvailable = models.length > 0;
  if (server.models.length && !models.length) showError(runner.error, "This server has no model for texts.");
  drawLayout();
}

function drawLayout() {
  $("text-layout").hidden = !model()?.has_chat;
  $("text-system-field").hidden = !isChat();
  $("text-prompt-label").textContent = isChat() ? "Message" : "Prompt";
  for (const radio of document.getElementsByName("layout")) radio.checked = (radio.value === "chat") === isChat();
}

function drawHint() {
  $("text-strengths").querySelector(".hint").textContent = part.maps.length
    ? "Each multiplies the strengths of the maps above."
    : "Add a map to compare strengths; without one there is one text.";
}

function requestBody(steers) {
  const body = { model: part.model };
  if (isChat()) {
    const system = part.system.trim() ? [{ role: "system", content: part.system }] : [];
    body.messages = [...system, { role: "user", content: part.prompt }];
  } else body.prompt = part.prompt;
  return Object.assign(body, {
    steering: steers, strengths: steers.length ? part.strengths : [1], max_tokens: part.tokens, temperature: part.temperature, seed: seed.next(),
    top_p: part.topP, top_k: part.topK, repetition_penalty: part.penalty, movement: part.movement,
    ...(stops().length ? { stop: stops() } : {}),
  });
}

const stops = () => part.stop.split("\n").filter((line) => line !== "");

function drawPeak() {
  const peak = Math.max(0, ...columns.map((column) => column.peak));
  // All texts share one scale, or their colours could not be compared.
  $("panel-text").style.setProperty("--peak", peak || 1);
  $("text-legend").replaceChildren(...(peak > 0 ? [legend(peak)] : []));
}

let columns = [];

async function work(signal) {
  const steers = part.maps.map((row) => steer(row, "text", part.tokens));
  const body = requestBody(steers);
  columns = body.strengths.map((strength) => new Column(strength, steers, body.prompt));
  $("text-blank").hidden = true;
  drawPeak();
  $("text-columns").replaceChildren(...columns.map((column) => column.element));
  let isFirst = true;
  for await (const event of written(body, signal)) {
    const column = columns[event.index];
    if (isFirst) bringUp($("text-columns"));
    isFirst = false;
    if (event.text) column?.add(event.text);
    if (event.movement) {
      column?.showMovement(event.movement);
      drawPeak();
    }
    if (event.finish_reason) column?.end(event);
  }
  for (const column of columns) column.cut("ended early");
  return `${columns.length === 1 ? "The text is" : `${columns.length} texts are`} written.`;
}

function ended(isStopped) {
  for (const column of columns) column.cut(isStopped ? "stopped" : "broken off");
  if (columns.some((column) => column.text)) return;
  $("text-columns").replaceChildren();
  $("text-blank").hidden = false;
}

/** Puts a map among those that act, where it is not, and shows it. */
export function steerTextBy(name, modelName) {
  if (modelName && modelsOf("text").some((model) => model.id === modelName)) part.model = modelName;
  if (!part.maps.some((row) => row.map === name)) part.maps.push({ map: name, strength: 1 });
  save();
  drawModel();
  list.draw();
  changed();
}

function changed() {
  drawHint();
  showEvaluations($("text-charts"), part);
}

export function startText() {
  runner = new Runner($("text-form"), {
    name: "text", label: "Generate", work, ended,
    running: (isRunning) => $("text-columns").setAttribute("aria-busy", isRunning),
    blame: (param) => list.blame(param),
  });
  const fields = { prompt: "prompt", system: "system", tokens: "tokens", temperature: "temperature", "top-p": "topP", "top-k": "topK" };
  Object.assign(fields, { penalty: "penalty", stop: "stop", movement: "movement" });
  for (const [id, name] of Object.entries(fields)) bind($(`text-${id}`), part, name);
  seed = seedField($("text-seed"), part);
  list = steering($("text-steering"), { kind: "text", model: () => part.model, rows: part.maps, changed });
  chips($("text-strengths"), part.strengths, () => {
    save();
    changed();
  });
  onModel(part, "text", () => {
    drawLayout();
    list.drawNew();
  });
  for (const radio of document.getElementsByName("layout")) {
    radio.addEventListener("change", () => {
      part.layout = radio.value;
      save();
      drawLayout();
    });
  }
  onServer(() => {
    drawModel();
    list.drawNew();
    changed();
  });
  drawHint();
}
