/** The page from its start: parts, keys, and the first look at the server. */

import { $, showError } from "./dom.js";
import { startFit } from "./fit.js";
import { startMaps } from "./maps.js";
import { startPictures, stopPictures } from "./pictures.js";
import { refresh, watchServer } from "./server.js";
import { startTabs } from "./tabs.js";
import { startText, stopText } from "./text.js";
import { startThemes } from "./themes.js";

startThemes();
startText();
startPictures();
startFit();
startMaps();
startTabs();

// Ctrl + Enter sends from wherever one writes, Escape stops.
for (const form of document.querySelectorAll("form.controls")) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  stopText();
  stopPictures();
});

await watchServer();
try {
  await refresh();
} catch (error) {
  showError($("text-error"), error);
}
