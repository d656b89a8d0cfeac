/** A button that sends, one that stops, and what failed above them: the same for texts and pictures. */

import { h, say, showError } from "./dom.js";

export class Runner {
  #controller = null;
  #isAvailable = true;

  /**
   * @param {HTMLFormElement} form - Its last row becomes that of the buttons.
   * @param {{name: string, label: string, work: (signal: AbortSignal) => Promise<string>, ended: (isStopped: boolean) => void,
   *   running: (isRunning: boolean) => void, blame: (param: string | null) => void}} parts
   *   - `work` sends and gives back what to say of what has come; `ended` cleans up after a failure.
   */
  constructor(form, parts) {
    this.parts = parts;
    this.error = h("div", { className: "fault", id: `${parts.name}-error` });
    this.send = h("button", { type: "submit", className: "primary", id: `${parts.name}-run` }, parts.label);
    this.stopper = h("button", { type: "button", disabled: true, onclick: () => this.stop() }, "Stop");
    form.append(h("div", { className: "act" }, this.error, this.send, this.stopper, h("span", { className: "quiet keys" }, "Ctrl + Enter, Esc")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#run(form);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) this.stop();
    });
  }

  stop() {
    this.#controller?.abort();
  }

  /** Whether there is a model to send to. */
  set isAvailable(isAvailable) {
    this.#isAvailable = isAvailable;
    this.send.disabled = !isAvailable || this.#controller !== null;
  }

  #set(controller) {
    this.#controller = controller;
    this.isAvailable = this.#isAvailable;
    this.stopper.disabled = controller === null;
    this.parts.running(controller !== null);
  }

  async #run(form) {
    if (this.send.disabled) return;
    this.fail(null, form);
    this.#set(new AbortController());
    try {
      say(await this.parts.work(this.#controller.signal));
    } catch (error) {
      const isStopped = error.name === "AbortError";
      this.parts.ended(isStopped);
      if (isStopped) say("Stopped.");
      else this.fail(error, form);
    } finally {
      const hadFocus = document.activeElement === this.stopper;
      this.#set(null);
      if (hadFocus) this.send.focus();
    }
  }

  /** Shows what failed and the field that it is about, or clears both. */
  fail(error, form) {
    showError(this.error, error);
    for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    this.parts.blame(error?.param ?? null);
    const field = error?.param && form.querySelector(`[data-param~="${CSS.escape(error.param)}"]`);
    if (field) markField(field);
  }
}

/** Marks the field that a refusal is about, and goes there. */
export function markField(field) {
  const details = field.closest("details");
  if (details) details.open = true;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}
