/** Tabs as the ARIA Authoring Practices have them: one stop of the Tab key, arrows between them, the shown one follows. */

import { $ } from "./dom.js";
import { save, state } from "./state.js";

const all = () => [...document.querySelectorAll("[role=tab]")];
const shown = () => all().filter((tab) => !tab.hidden);
const nameOf = (tab) => tab.id.slice("tab-".length);

/** Shows a panel; the text's where the one named is hidden. */
export function openTab(name) {
  const chosen = shown().find((tab) => nameOf(tab) === name) ?? shown()[0];
  for (const tab of all()) {
    const isChosen = tab === chosen;
    tab.setAttribute("aria-selected", isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
  // A part that is hidden for the moment is still the one to come back to.
  if (nameOf(chosen) === name) {
    state.tab = name;
    save();
  }
  document.dispatchEvent(new CustomEvent("tab", { detail: nameOf(chosen) }));
}

export function startTabs() {
  for (const tab of all()) {
    tab.addEventListener("click", () => openTab(nameOf(tab)));
    tab.addEventListener("keydown", (event) => {
      const tabs = shown();
      const at = tabs.indexOf(tab);
      const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const to = tabs[(next + tabs.length) % tabs.length];
      openTab(nameOf(to));
      to.focus();
    });
  }
  openTab(state.tab);
}
