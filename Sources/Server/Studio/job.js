/** A fit as it goes on, and what came of it. */

import { get, request } from "./api.js";
import { $, h, percent, say, showError } from "./dom.js";
import { refreshMaps } from "./server.js";
import { openTab } from "./tabs.js";
import { steerTextBy } from "./text.js";

const pause = 500;
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const words = { waiting: "Waiting for its turn", running: "Fitting", done: "Fitted", failed: "It failed", cancelled: "Cancelled" };
const hasEnded = (job) => ["done", "failed", "cancelled"].includes(job.state);

/** Asks for the job until it has ended; the server may be away for a while meanwhile. */
export async function watchJob(place, job, ended) {
  const path = `v1/jobs/${encodeURIComponent(job.id)}`;
  const title = h("h3", {});
  const bar = h("progress", { "aria-label": "Progress of the fit" });
  const said = h("p", { className: "quiet" });
  const warnings = h("ul", { className: "warnings" });
  const error = h("div", {});
  const cancel = h("button", { type: "button", onclick: () => stop() }, "Cancel");
  const actions = h("div", { className: "act" }, cancel);
  place.replaceChildren(title, bar, said, warnings, error, actions);
  place.hidden = false;

  async function stop() {
    cancel.disabled = true;
    try {
      await request(path, { method: "DELETE" });
    } catch (failure) {
      cancel.disabled = false;
      showError(error, failure);
    }
  }

  function show() {
    title.textContent = `${words[job.state] ?? "Asking"}${job.map ? `: ${job.map}` : ""}`;
    const progress = job.progress;
    if (progress?.total > 0) {
      bar.max = progress.total;
      bar.value = progress.done;
      said.textContent = `${progress.activity}: ${progress.done} of ${progress.total} ${progress.unit ?? ""} (${percent(progress.done / progress.total, 0)})`;
    } else {
      bar.removeAttribute("value");
      said.textContent = progress?.activity ?? "";
    }
    const known = warnings.children.length;
    warnings.append(...(job.warnings ?? []).slice(known).map((warning) => h("li", {}, warning)));
  }

  for (;;) {
    show();
    if (hasEnded(job)) break;
    await wait(job.state ? pause : 0);
    try {
      job = await get(path);
      showError(error);
    } catch (failure) {
      if (failure.status) {
        // A job that the server does not know ended with the server that did.
        job = { ...job, state: "failed", error: failure.message };
      } else {
        showError(error, failure);
        await wait(3 * pause);
      }
    }
  }
  bar.hidden = said.hidden = true;
  cancel.remove();
  if (job.state === "failed") showError(error, job.error ?? "The fit failed, and the server does not say why.");
  if (job.state === "done") await offer(job, actions, error);
  say(`${title.textContent}.`);
  ended();
}

/** Selects the map where it can be tried at once. */
async function offer(job, actions, error) {
  try {
    await refreshMaps();
  } catch (failure) {
    return showError(error, failure);
  }
  steerTextBy(job.map, job.model);
  const open = () => {
    openTab("text");
    $("text-run").focus();
  };
  actions.append(h("button", { type: "button", className: "primary", onclick: open }, "Try it"));
}
