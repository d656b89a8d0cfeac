/** Light, dark, or as the system has it. */

import { $, icon } from "./dom.js";

const order = ["automatic", "light", "dark"];

export function startThemes() {
  const button = $("theme");
  let at = Math.max(0, order.indexOf(document.documentElement.dataset.theme));
  function show() {
    const theme = order[at];
    if (theme === "automatic") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.replaceChildren(icon(theme));
    button.title = `Theme: ${theme}`;
    button.setAttribute("aria-label", `Theme: ${theme}`);
  }
  button.addEventListener("click", () => {
    at = (at + 1) % order.length;
    try {
      localStorage.setItem("monge.theme", order[at]);
    } catch {
      // It holds until the page is reloaded.
    }
    show();
  });
  show();
}
