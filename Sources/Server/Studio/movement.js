/** How far the maps moved each token: colour, a line of growing width, and the number by mouse, keyboard and table. */

import { h, percent } from "./dom.js";

const quote = (text) => `“${text.replace(/\n/g, "↵").trim() || "space"}”`;

/**
 * Tokens that make up the text. Parts of one character come as replacement characters: they are shown together, moved as far as the farthest; what lies
 * behind a stop is not shown.
 */
export function wholeTokens(movement, text) {
  const whole = [];
  let at = 0;
  let held = null;
  const push = (end, value) => {
    if (end > at) whole.push({ text: text.slice(at, end), value });
    at = end;
  };
  for (const token of movement) {
    const found = token.text.includes("\ufffd") ? -1 : text.indexOf(token.text, at);
    if (found < 0 || (held === null && found > at)) {
      // A stop may lie within a token.
      if (held === null && at < text.length && token.text.startsWith(text.slice(at))) push(text.length, token.value);
      else held = Math.max(held ?? 0, token.value);
      continue;
    }
    if (held !== null) push(found, held);
    held = null;
    push(at + token.text.length, token.value);
  }
  if (held !== null) push(text.length, held);
  return whole;
}

/**
 * The text as tokens: one stop of the Tab key, arrows go from token to token, and what each moved by is read out below.
 * @returns `{text, readout, table}`, three elements.
 */
export function movedText(tokens, title, before) {
  const id = `readout-${Math.random().toString(36).slice(2)}`;
  const readout = h("p", { className: "readout", id, "aria-live": "polite" }, "\u00a0");
  let at = -1;
  const spans = tokens.map((token, index) => {
    // The space before a word stays without colour, so that words keep apart.
    const word = token.text.trimStart() || token.text;
    const span = h("span", { className: "token", title: `moved by ${percent(token.value)}` }, word);
    span.style.setProperty("--v", token.value);
    span.addEventListener("pointerenter", () => tell(index));
    span.addEventListener("click", () => go(index));
    return span;
  });
  const text = h(
    "p", { className: "generated", tabIndex: 0, role: "group", "aria-label": `${title}, token by token with the arrow keys`, "aria-describedby": id }, before,
    spans.map((span, index) => [tokens[index].text.slice(0, -span.textContent.length || undefined), span]),
  );

  function tell(index) {
    readout.textContent = `${quote(tokens[index].text)} moved by ${percent(tokens[index].value)}`;
  }

  function go(index) {
    spans[at]?.classList.remove("here");
    at = Math.min(Math.max(index, 0), spans.length - 1);
    spans[at].classList.add("here");
    tell(at);
  }

  text.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: spans.length - 1 }[event.key];
    if (to === undefined || !spans.length) return;
    event.preventDefault();
    go(to);
  });
  text.addEventListener("blur", () => spans[at]?.classList.remove("here"));

  const table = h("details", { className: "numbers" }, h("summary", {}, "Tokens as a table"));
  table.addEventListener("toggle", () => {
    if (table.children.length > 1) return;
    table.append(
      h(
        "div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": `Tokens: ${title}` },
        h(
          "table", {},
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Token"), h("th", { scope: "col" }, "Moved by"))),
          h("tbody", {}, tokens.map((token) => h("tr", {}, h("td", {}, quote(token.text)), h("td", {}, percent(token.value))))),
        ),
      ),
    );
  });
  return { text, readout, table };
}

/** From not moved to as far as any token of these texts. */
export function legend(peak) {
  const steps = [0, 0.25, 0.5, 0.75, 1];
  const swatch = (share) => {
    const token = h("span", { className: "token" }, percent(share * peak));
    token.style.setProperty("--v", share * peak);
    return token;
  };
  return h(
    "p", { className: "legend" },
    h("span", {}, "A token’s colour and line: how far the maps moved it, of its own length (‖y − x‖ / ‖x‖, mean over sites) "),
    h("span", { className: "swatches" }, steps.map(swatch)),
  );
}
