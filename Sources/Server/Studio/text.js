/** Texts at several strengths, as they are written. */

import { Column } from "./column.js";
import { chips } from "./chips.js";
import { $, bringUp, h, say, showError } from "./dom.js";
import { showEvaluations } from "./evaluation.js";
import { legend } from "./movement.js";
import { modelsOf, onServer, server } from "./server.js";
import { seedField } from "./seed.js";
import { bind, save, state } from "./state.js";
import { steering } from "./steering.js";
import { steer } from "./where.js";
import { written } from "./writing.js";

const part = state.text;
let running = null;
let list;
let seed;

const model = () => server.models.find((model) => model.id === part.model);
const isChat = () => part.layout === "chat" && (model()?.has_chat ?? false);

/** Settings that depend on the model. */
function drawModel() {
  const models = modelsOf("text");
  if (!models.some((model) => model.id === part.model) && models.length) part.model = models[0].id;
  $("text-model").replaceChildren(...models.map((model) => h("option", { value: model.id }, model.id)));
  $("text-model").value = part.model;
  $("text-run").disabled = !models.length;
  const error = server.models.length && !models.length ? "This server has no model for texts." : null;
  if (error) showError($("text-error"), error);
  drawLayout();
}

function drawLayout() {
  $("text-layout").hidden = !model()?.has_chat;
  $("text-system-field").hidden = !isChat();
  $("text-prompt-label").textContent = isChat() ? "Message" : "Prompt";
  for (const radio of document.getElementsByName("layout")) radio.checked = (radio.value === "chat") === isChat();
}

function drawHint() {
  $("text-strengths-hint").textContent = part.maps.length
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

function drawPeak(columns) {
  const peak = Math.max(0, ...columns.map((column) => column.peak));
  // All texts share one scale, or their colours could not be compared.
  $("panel-text").style.setProperty("--peak", peak || 1);
  $("text-legend").replaceChildren(...(peak > 0 ? [legend(peak)] : []));
}

function setRunning(controller) {
  running = controller;
  $("text-run").disabled = controller !== null;
  $("text-stop-button").disabled = controller === null;
  $("text-columns").setAttribute("aria-busy", controller !== null);
}

async function run() {
  if (running) return;
  showError($("text-error"));
  list.blame(null);
  const steers = part.maps.map((row) => steer(row, "text", part.tokens));
  const body = requestBody(steers);
  const columns = body.strengths.map((strength) => new Column(strength, steers, body.prompt));
  const controller = new AbortController();
  setRunning(controller);
  $("text-blank").hidden = true;
  drawPeak([]);
  $("text-columns").replaceChildren(...columns.map((column) => column.element));
  let isFirst = true;
  try {
    for await (const event of written(body, controller.signal)) {
      const column = columns[event.index];
      if (isFirst) bringUp($("text-columns"));
      isFirst = false;
      if (event.text) column?.add(event.text);
      if (event.movement) {
        column?.showMovement(event.movement);
        drawPeak(columns);
      }
      if (event.finish_reason) column?.end(event);
    }
    for (const column of columns) column.cut("ended early");
    say(`${columns.length === 1 ? "The text is" : `${columns.length} texts are`} written.`);
  } catch (error) {
    const isStopped = error.name === "AbortError";
    for (const column of columns) column.cut(isStopped ? "stopped" : "broken off");
    if (!columns.some((column) => column.text)) {
      $("text-columns").replaceChildren();
      $("text-blank").hidden = false;
    }
    if (isStopped) say("Stopped.");
    else {
      showError($("text-error"), error);
      list.blame(error.param);
    }
  } finally {
    const hadFocus = document.activeElement === $("text-stop-button");
    setRunning(null);
    if (hadFocus) $("text-run").focus();
  }
}

export const stopText = () => running?.abort();

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
  bind($("text-prompt"), part, "prompt");
  bind($("text-system"), part, "system");
  bind($("text-tokens"), part, "tokens");
  bind($("text-temperature"), part, "temperature");
  bind($("text-top-p"), part, "topP");
  bind($("text-top-k"), part, "topK");
  bind($("text-penalty"), part, "penalty");
  bind($("text-stop"), part, "stop");
  bind($("text-movement"), part, "movement");
  seed = seedField($("text-seed"), part);
  list = steering($("text-steering"), { kind: "text", model: () => part.model, rows: part.maps, changed });
  chips($("text-strengths"), part.strengths, () => {
    save();
    changed();
  });
  $("text-model").addEventListener("change", () => {
    part.model = $("text-model").value;
    save();
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
  $("text-form").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  $("text-stop-button").addEventListener("click", stopText);
  drawHint();
}
