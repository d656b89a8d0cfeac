/** Elements by hand: no markup is ever made from text, so nothing a server or a file says can become markup. */

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria") && !(element instanceof SVGElement)) element[name] = value;
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element with properties, attributes, `on…` listeners and children. */
export const h = (name, properties, ...children) => fill(document.createElement(name), properties, children);

/** The same in SVG. */
export const s = (name, properties, ...children) => fill(document.createElementNS(SVG, name), properties, children);

export const $ = (id) => document.getElementById(id);

const paths = {
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  dice: "M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM8 8h.01M16 8h.01M12 12h.01M8 16h.01M16 16h.01",
  lock: "M6 11h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM8 11V7a4 4 0 0 1 8 0v4",
  unlock: "M6 11h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM8 11V7a4 4 0 0 1 7.5-2",
  download: "M12 4v11m0 0-4-4m4 4 4-4M5 20h14",
  automatic: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
};

export const icon = (name) =>
  s("svg", { class: "glyph", viewBox: "0 0 24 24", width: 18, height: 18, "aria-hidden": "true" }, s("path", { d: paths[name] }));

/** A square button that shows an icon and is called by its label. */
export const iconButton = (name, label, onclick) =>
  h("button", { type: "button", className: "icon", title: label, "aria-label": label, onclick }, icon(name));

/** A number as people read it: no digits that say nothing, and a true minus. */
export const number = (value, digits = 3) =>
  Number.isFinite(value) ? String(Number(value.toFixed(digits))).replace("-", "−") : String(value);

export const percent = (share, digits = 1) => `${number(share * 100, digits)} %`;

/** Says a sentence to those who listen instead of looking; once, at the end of something. */
export function say(sentence) {
  const region = $("said");
  region.textContent = "";
  // A change that is made at once is not noticed as one.
  setTimeout(() => (region.textContent = sentence), 50);
}

/** Brings into view what begins below it, where all is in one column. */
export function bringUp(element) {
  if (element.getBoundingClientRect().top < innerHeight * 0.7) return;
  element.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

/** Shows what failed where it failed, or clears the place. */
export function showError(place, error) {
  place.replaceChildren();
  if (!error) return;
  place.append(h("p", { className: "error", role: "alert" }, typeof error === "string" ? error : error.message));
}
