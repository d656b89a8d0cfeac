/** A plot in SVG: lines of points with labels and intervals, drawn at the width there is. */

import { h, s } from "./dom.js";

const margin = { left: 56, right: 22, top: 14, bottom: 42 };
const height = 260;

/** About `count` round numbers over a range: 1, 2 or 5 times a power of ten apart. */
export function ticks(low, high, count = 5) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, index) => (first + index) * step);
}

/** A range with a little air, never without width. */
function range(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = (high - low || Math.abs(high) || 1) * 0.08;
  // A share has nothing below zero, and neither has the plot of one.
  return [low >= 0 && low - air < 0 ? 0 : low - air, high + air];
}

/**
 * @param {{title: string, x: {name: string, text: (value: number) => string}, y: same,
 *   lines: {name: string, points: {x: number, y: number, lower?: number, upper?: number, label: string, says: string}[]}[],
 *   marks: {x: number, y: number, label: string}[]}} plot
 * @returns {HTMLElement} a figure that draws itself anew when its width changes.
 */
export function chart(plot) {
  const svg = s("svg", { class: "chart", height, role: "group", "aria-label": plot.title });
  const readout = h("p", { className: "readout" }, "Point at a strength for its numbers, or take the arrow keys.");
  const figure = h("figure", {}, h("figcaption", {}, plot.title), svg, readout);
  let at = 0;
  const observer = new ResizeObserver(([entry]) => entry.contentRect.width > 0 && draw(entry.contentRect.width));
  observer.observe(figure);

  function draw(width) {
    const hadFocus = svg.contains(document.activeElement);
    const points = plot.lines.flatMap((line) => line.points);
    const [left, right] = range(points.map((point) => point.x));
    const [low, high] = range(points.flatMap((point) => [point.y, point.lower ?? point.y, point.upper ?? point.y]));
    const px = (x) => margin.left + ((x - left) / (right - left)) * (width - margin.left - margin.right);
    const py = (y) => height - margin.bottom - ((y - low) / (high - low)) * (height - margin.top - margin.bottom);
    const floor = height - margin.bottom;
    svg.setAttribute("width", width);
    svg.replaceChildren(
      ...ticks(low, high, 4).map((y) =>
        s("g", { class: "grid", "aria-hidden": "true" },
          s("line", { x1: margin.left, x2: width - margin.right, y1: py(y), y2: py(y) }),
          s("text", { x: margin.left - 8, y: py(y) + 4, "text-anchor": "end" }, plot.y.text(y)))),
      ...ticks(left, right, Math.max(2, Math.floor(width / 110))).map((x) =>
        s("g", { class: "grid", "aria-hidden": "true" },
          s("line", { x1: px(x), x2: px(x), y1: floor, y2: floor + 4 }),
          s("text", { x: px(x), y: floor + 18, "text-anchor": "middle" }, plot.x.text(x)))),
      s("text", { class: "axis", x: (width + margin.left - margin.right) / 2, y: height - 6, "text-anchor": "middle", "aria-hidden": "true" }, plot.x.name),
      ...plot.lines.map((line, index) =>
        s("path", { class: `curve c${index % 4}`, d: line.points.map((point, at) => `${at ? "L" : "M"}${px(point.x)} ${py(point.y)}`).join("") })),
      ...plot.marks.map((mark) =>
        s("g", { class: "now", role: "img", "aria-label": mark.label },
          s("circle", { cx: px(mark.x), cy: py(mark.y), r: 10 }), s("title", {}, mark.label))),
    );
    const dots = plot.lines.flatMap((line, index) =>
      line.points.map((point) => {
        const [x, y] = [px(point.x), py(point.y)];
        const isLast = x > width - 70;
        return s(
          "g", { class: `dot c${index % 4}`, role: "img", tabindex: -1, "aria-label": point.says },
          point.lower !== undefined && s("line", { class: "interval", x1: x, x2: x, y1: py(point.lower), y2: py(point.upper) }),
          s("circle", { class: "reach", cx: x, cy: y, r: 14 }),
          s("circle", { cx: x, cy: y, r: 5 }),
          s("text", { x: isLast ? x - 9 : x + 9, y: y - 8, "text-anchor": isLast ? "end" : "start" }, point.label));
      }),
    );
    svg.append(...dots);
    const choose = (index) => {
      at = Math.min(Math.max(index, 0), dots.length - 1);
      dots.forEach((dot, index) => dot.setAttribute("tabindex", index === at ? 0 : -1));
      readout.textContent = points[at].says;
    };
    dots.forEach((dot, index) => {
      dot.addEventListener("pointerenter", () => (readout.textContent = points[index].says));
      dot.addEventListener("focus", () => choose(index));
      dot.addEventListener("keydown", (event) => {
        const to = { ArrowRight: index + 1, ArrowUp: index + 1, ArrowLeft: index - 1, ArrowDown: index - 1, Home: 0, End: dots.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        choose(to);
        dots[at].focus();
      });
    });
    dots[Math.min(at, dots.length - 1)]?.setAttribute("tabindex", 0);
    if (hadFocus) dots[at]?.focus();
  }

  return figure;
}
