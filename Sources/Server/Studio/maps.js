/** The maps that the server has: what each is, and taking, bringing and removing them. */

import { mapPath, request } from "./api.js";
import { confirmed } from "./confirm.js";
import { $, h, say, showError } from "./dom.js";
import { steerPicturesBy } from "./pictures.js";
import { dropTarget } from "./sentences.js";
import { mapNamed, modelsOf, onServer, refreshMaps, server } from "./server.js";
import { openTab } from "./tabs.js";
import { steerTextBy } from "./text.js";

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const day = (created) => new Date(created * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

/** Sites by what they are called without the number of their block, with how many there are. */
function families(sites) {
  const counts = new Map();
  for (const site of sites) {
    const family = site.replace(/\.\d+(?=[.:]|$)/g, ".*");
    counts.set(family, (counts.get(family) ?? 0) + 1);
  }
  return [...counts].map(([family, count]) => (count > 1 ? `${family} (${count})` : family));
}

function use(map, kind) {
  const model = modelsOf(kind).find((model) => map.model.includes(model.id));
  (kind === "picture" ? steerPicturesBy : steerTextBy)(map.id, model.id);
  openTab(kind === "picture" ? "pictures" : "text");
  $(kind === "picture" ? "pictures-run" : "text-run").focus();
}

/** The file by way of a request, which carries the key that a plain link would not. */
async function download(map, error) {
  showError(error);
  try {
    const address = URL.createObjectURL(await (await request(mapPath(map.id, "/file"))).blob());
    h("a", { href: address, download: `${map.id}.safetensors` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  } catch (failure) {
    showError(error, failure);
  }
}

async function remove(map, error) {
  if (!(await confirmed(`Delete ${map.id}?`, "Its file is removed from the server. Texts that are being written keep it to their end.", "Delete"))) return;
  showError(error);
  try {
    await request(mapPath(map.id), { method: "DELETE" });
    await refreshMaps();
    say(`${map.id} is deleted.`);
    $("maps-file").focus();
  } catch (failure) {
    showError(error, failure);
  }
}

function card(map) {
  const error = h("div", {});
  const kinds = ["text", "picture"].filter((kind) => modelsOf(kind).some((model) => map.model.includes(model.id)));
  const facts = [
    ["Fits", map.model.join(", ") || "no model that is loaded"],
    ["Method", [map.method, map.estimation].filter(Boolean).join(", ")],
    ["From", map.source],
    ["To", map.target],
    ["Sites", String(map.sites.length)],
    ["Size", size(map.bytes)],
    ["Since", day(map.created)],
  ].filter(([, value]) => value);
  const tags = [map.conditional && "conditional", map.gated && "gated", map.evaluation && "measured"].filter(Boolean);
  return h(
    "li", { className: "card" },
    h("div", { className: "named" }, h("h3", {}, map.id), tags.map((tag) => h("span", { className: "tag" }, tag))),
    h("dl", {}, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("details", {}, h("summary", {}, "Sites"), h("ul", { className: "code sites" }, families(map.sites).map((site) => h("li", {}, site)))),
    h(
      "div", { className: "act" },
      kinds.map((kind) => h("button", { type: "button", onclick: () => use(map, kind), "aria-label": `Use ${map.id} ${kind === "text" ? "in Text" : "in Pictures"}` }, kind === "text" ? "Use in Text" : "Use in Pictures")),
      h("button", { type: "button", onclick: () => download(map, error), "aria-label": `Download ${map.id}` }, "Download"),
      h("button", { type: "button", className: "danger", onclick: () => remove(map, error), "aria-label": `Delete ${map.id}` }, "Delete"),
    ),
    error,
  );
}

let drawn = "";

function draw() {
  const now = JSON.stringify([server.maps, server.models.map((model) => model.id)]);
  if (now === drawn) return;
  drawn = now;
  $("maps-list").replaceChildren(
    ...(server.maps.length ? server.maps.map(card) : [h("li", { className: "hint" }, "There are none yet. Fit one, or upload one.")]),
  );
}

async function upload(file) {
  showError($("maps-error"));
  const name = file.name.replace(/\.safetensors$/i, "");
  if (mapNamed(name) && !(await confirmed(`Replace ${name}?`, "A map of this name is on the server. The file takes its place.", "Replace"))) return;
  try {
    await request(mapPath(name), { method: "PUT", body: file, type: "application/octet-stream" });
    await refreshMaps();
    say(`${name} is on the server.`);
  } catch (error) {
    showError($("maps-error"), error);
  }
}

export function startMaps() {
  onServer(draw);
  document.addEventListener("tab", (event) => {
    // Other pages and commands bring maps, too.
    if (event.detail === "maps" && server.models.length) refreshMaps().catch((error) => showError($("maps-error"), error));
  });
  $("maps-file").addEventListener("change", async () => {
    const files = [...$("maps-file").files];
    $("maps-file").value = "";
    for (const file of files) await upload(file);
  });
  dropTarget($("maps-drop"), async (files) => {
    for (const file of files) await upload(file);
  });
}
