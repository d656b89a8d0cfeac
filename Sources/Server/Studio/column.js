/** One text among those side by side: it grows, ends, and shows how far its tokens were moved. */

import { h, number } from "./dom.js";
import { movedText, wholeTokens } from "./movement.js";

const reasons = { stop: "ended by itself", length: "all tokens used", timeout: "out of time" };
const times = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export class Column {
  /**
   * @param {{map: string, strength: number}[]} steering - As it was sent; a strength multiplies those of the maps.
   * @param {string} prompt - What the text continues; empty where it is an answer.
   */
  constructor(strength, steering, prompt = "") {
    this.strength = strength;
    this.steering = steering;
    this.peak = 0;
    this.title = steering.length ? `Text at strength ${number(strength)}` : "Text without maps";
    this.node = document.createTextNode("");
    this.prompt = prompt.length > 90 ? `…${prompt.slice(-80)}` : prompt;
    this.body = h("div", { className: "body" }, h("p", { className: "generated" }, this.before(), this.node));
    this.foot = h("p", { className: "foot" }, "writing …");
    this.notes = h("div", { className: "notes" });
    const effective = steering.map((steer) => `${steer.map} ${number(steer.strength * strength)}`).join(", ");
    this.element = h(
      "article", { className: "column running", "aria-label": this.title },
      h(
        "header", {},
        h("h3", {}, steering.length ? number(strength) : "–"),
        h("p", { className: "quiet" }, steering.length ? effective : "no map"),
      ),
      this.body, this.notes, this.foot,
    );
  }

  /** The end of the prompt, in a quieter colour. */
  before() {
    return this.prompt && h("span", { className: "before" }, this.prompt);
  }

  get text() {
    return this.node.data;
  }

  add(text) {
    this.node.appendData(text);
  }

  showMovement(movement) {
    const tokens = wholeTokens(movement, this.text);
    if (!tokens.length) return;
    this.peak = Math.max(...tokens.map((token) => token.value));
    const { text, readout, table } = movedText(tokens, this.title, this.before());
    this.body.replaceChildren(text, readout);
    this.element.append(table);
  }

  end({ finish_reason: reason, conditions_met: met, usage }) {
    this.element.classList.remove("running");
    this.isWhole = true;
    this.foot.textContent = [usage && times(usage.completion_tokens, "token"), reasons[reason] ?? reason].filter(Boolean).join(" · ");
    for (const [index, isMet] of (met ?? []).entries()) {
      if (isMet !== false) continue;
      this.notes.append(h("p", { className: "note" }, `The prompt does not meet the condition of ${this.steering[index].map}: it did not act.`));
    }
  }

  /** What is left of a text that was stopped or failed. */
  cut(why) {
    if (this.isWhole) return;
    this.element.classList.remove("running");
    this.foot.textContent = why;
  }
}
