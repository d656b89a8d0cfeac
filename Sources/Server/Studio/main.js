/** The page from its start: parts, keys, and the first look at the server. */

import { $, showError } from "./dom.js";
import { startFit } from "./fit.js";
import { startMaps } from "./maps.js";
import { startPictures } from "./pictures.js";
import { refresh, watchServer } from "./server.js";
import { startTabs } from "./tabs.js";
import { startText } from "./text.js";
import { startThemes } from "./themes.js";

startThemes();
startText();
startPictures();
startFit();
startMaps();
startTabs();

await watchServer();
try {
  await refresh();
} catch (error) {
  showError($("text-error"), error);
}
