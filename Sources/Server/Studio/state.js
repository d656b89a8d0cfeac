/** What the page remembers over a reload, in the browser's local storage. Keys of the server are not among it. */

const KEY = "monge.studio";

const defaults = {
  tab: "text",
  text: {
    model: "", layout: "plain", system: "", prompt: "Once upon a time, in a small town", maps: [], strengths: [0, 0.5, 1],
    tokens: 48, temperature: 0.7, seed: 1, seedKept: true, topP: 1, topK: 0, penalty: 1.1, stop: "", movement: true,
  },
  pictures: {
    model: "", prompt: "a picture of a banana", negative: "", maps: [], strengths: [0, 0.5, 1], steps: 20, count: 1, size: "", guidance: "",
    seed: 1, seedKept: true,
  },
  fit: {
    name: "", model: "", method: "linear", sites: "", estimation: "", pooling: "", support: "", shrinkage: "", skip: "", seed: "", job: "", source: "",
    target: "",
  },
};

/** The stored values over the defaults, where they are of the same kind: what an older page or a hand wrote cannot break this one. */
function merge(base, stored) {
  if (Array.isArray(base)) return Array.isArray(stored) ? stored : [...base];
  if (typeof base === "object") {
    return Object.fromEntries(Object.entries(base).map(([name, value]) => [name, merge(value, stored?.[name])]));
  }
  return typeof stored === typeof base && (typeof stored !== "number" || Number.isFinite(stored)) ? stored : base;
}

function load() {
  let stored = {};
  try {
    stored = JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    // No storage, or nothing that can be read: as new.
  }
  const state = merge(defaults, stored);
  for (const part of [state.text, state.pictures]) {
    part.maps = part.maps.filter((row) => typeof row?.map === "string" && Number.isFinite(row.strength));
    part.strengths = part.strengths.filter(Number.isFinite);
    if (!part.strengths.length) part.strengths = [1];
  }
  return state;
}

export const state = load();

/** Sentences beyond this many characters are not kept: browsers give a page about five million. */
const mostSentences = 1_000_000;
let timer = 0;

function write() {
  clearTimeout(timer);
  timer = 0;
  const { fit } = state;
  const kept = fit.source.length + fit.target.length <= mostSentences ? fit : { ...fit, source: "", target: "" };
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...state, fit: kept }));
  } catch {
    // Full or forbidden: the page works all the same, until it is reloaded.
  }
}

/** Writes soon; a slider that moves does not write at each step. */
export function save() {
  if (!timer) timer = setTimeout(write, 200);
}

addEventListener("pagehide", write);

/** Ties a form's field to a property of the state, both ways. */
export function bind(field, part, name, changed) {
  const isNumber = typeof part[name] === "number";
  if (field.type === "checkbox") field.checked = part[name];
  else field.value = part[name];
  field.addEventListener("input", () => {
    if (field.type === "checkbox") part[name] = field.checked;
    else if (!isNumber) part[name] = field.value;
    else if (field.value !== "" && Number.isFinite(field.valueAsNumber)) part[name] = field.valueAsNumber;
    save();
    changed?.();
  });
  // A field that was left empty or impossible shows again what holds.
  if (isNumber) field.addEventListener("change", () => (field.value = part[name]));
}
