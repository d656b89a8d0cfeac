/** What the server has: its models and maps, and whether it is there at all. */

import { get, onContact, request } from "./api.js";
import { $ } from "./dom.js";

export const server = { models: [], maps: [] };
const listeners = new Set();

/** Calls back when models or maps have changed. */
export const onServer = (listener) => listeners.add(listener);
const tell = () => listeners.forEach((listener) => listener());

export const modelsOf = (kind) => server.models.filter((model) => model.kind === kind);
export const mapsFor = (model) => server.maps.filter((map) => map.model.includes(model));
export const mapNamed = (name) => server.maps.find((map) => map.id === name);

export async function refresh() {
  const [models, maps] = await Promise.all([get("v1/models"), get("v1/maps")]);
  server.models = models.data;
  server.maps = maps.data;
  tell();
}

export async function refreshMaps() {
  server.maps = (await get("v1/maps")).data;
  tell();
}

// --- Whether it is there ---

let mood = "";
let health = null;

function show(next, banner) {
  const wasAway = mood === "away" || mood === "draining";
  mood = next;
  document.documentElement.dataset.server = next;
  $("server-text").textContent =
    next === "ok" ? [health.models.join(", "), health.device?.split(" (")[0]].filter(Boolean).join(" · ") : next === "away" ? "no answer" : "not serving";
  $("server").title = next === "ok" ? `monge ${health.version} on ${health.device}` : "";
  // Set only when it differs: an alert is read again at every change.
  if ($("banner").textContent !== banner) $("banner").textContent = banner;
  $("banner").hidden = !banner;
  if (next === "ok" && wasAway) refresh().catch(() => {});
}

async function look() {
  try {
    const response = await request("health", { silent: true });
    health = await response.json();
    health.models = (health.models ?? []).map((model) => model.id ?? model);
    show("ok", "");
  } catch (error) {
    if (error.status === 503) show("draining", "The server is stopping: it ends what it has begun, and takes on nothing more.");
    else if (error.status) show("draining", `The server is not well: ${error.message}`);
    else show("away", "The server does not answer. What you have set is kept; the page goes on when it is back.");
  }
}

/** Looks at the server now and again, often while it is away, and not where nobody looks at the page. */
export function watchServer() {
  let timer = 0;
  const again = async () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") await look();
    timer = setTimeout(again, mood === "ok" ? 10_000 : 1500);
  };
  onContact((isThere) => {
    if (!isThere && mood === "ok") again();
  });
  document.addEventListener("visibilitychange", again);
  return again();
}
