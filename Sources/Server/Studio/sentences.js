/** A set of sentences, one a line: pasted, or from a file that is chosen or dropped. */

import { h, showError } from "./dom.js";
import { save } from "./state.js";

/** More than any set of sentences, and less than what a browser chokes on. */
const mostBytes = 16 << 20;

export const sentences = (text) => text.split(/\r\n|\r|\n/).map((line) => line.trim()).filter(Boolean);

/**
 * @param {{id: string, title: string, hint: string, part: object, name: string, dropped: (files: File[]) => void}} options
 *   - `dropped` takes what was dropped here, which may be files for both sides.
 * @returns `{element, take(file)}`
 */
export function sentenceField({ id, title, hint, part, name, dropped }) {
  const count = h("p", { className: "quiet count", id: `${id}-count` });
  const text = h("textarea", { id, rows: 7, spellcheck: false, "aria-describedby": `${id}-hint ${id}-count` });
  const file = h("input", { type: "file", id: `${id}-file`, className: "unseen", accept: ".txt,text/plain" });
  const error = h("div", {});
  const element = h(
    "div", { className: "drop side" },
    h("label", { htmlFor: id, className: "title" }, title),
    h("p", { className: "hint", id: `${id}-hint` }, hint),
    text,
    h("div", { className: "line" }, count, file, h("label", { htmlFor: file.id, className: "button small" }, "Choose a file …", h("span", { className: "unseen" }, ` for ${title}`))),
    error,
  );

  function tell() {
    const found = sentences(text.value).length;
    count.textContent = found === 1 ? "1 sentence" : `${found} sentences`;
  }

  function set(value) {
    text.value = part[name] = value;
    save();
    tell();
  }

  async function take(chosen) {
    showError(error);
    if (chosen.size > mostBytes) return showError(error, `${chosen.name} has ${Math.round(chosen.size / 1e6)} MB; at most 16 are taken here.`);
    const bytes = await chosen.arrayBuffer();
    try {
      set(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      showError(error, `${chosen.name} is not UTF-8 text.`);
    }
  }

  text.value = part[name];
  tell();
  text.addEventListener("input", () => {
    part[name] = text.value;
    save();
    tell();
  });
  file.addEventListener("change", () => {
    if (file.files[0]) take(file.files[0]);
    file.value = "";
  });
  dropTarget(element, dropped);
  return { element, take };
}

/** Makes a place that takes dropped files, and shows that it would. */
export function dropTarget(element, dropped) {
  let depth = 0;
  const over = (change) => {
    depth = Math.max(0, depth + change);
    element.classList.toggle("over", depth > 0);
  };
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  element.addEventListener("dragenter", (event) => hasFiles(event) && over(1));
  element.addEventListener("dragleave", (event) => hasFiles(event) && over(-1));
  element.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  element.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    over(0);
    dropped([...event.dataTransfer.files]);
  });
}
