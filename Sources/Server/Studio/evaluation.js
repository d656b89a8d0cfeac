/** What `monge evaluate` measured of a map: effect against perplexity at each strength, as a plot and as a table. */

import { get, mapPath } from "./api.js";
import { chart } from "./chart.js";
import { h, number, percent, showError } from "./dom.js";
import { mapNamed } from "./server.js";

const unsteered = "unsteered";
const known = new Map();
let drawn = "";

/** The strength stands for a cost that was not measured. */
const strengthName = "strength";

/** Numbers that are not finite are texts in the file: they have no place in a plot. */
const metric = (row, name) => {
  if (name === strengthName) return { value: row.strength, form: "number" };
  const found = row.metrics.find((metric) => metric.name === name);
  return found && Number.isFinite(found.value) ? found : null;
};

const texts = {
  share: (value) => percent(value),
  change: (value) => (value > 0 ? "+" : "") + percent(value),
  number: (value) => number(value, 2),
};
const textOf = (metric) => texts[metric?.form] ?? texts.number;

/** The file as lines of rows: this map's own, or all where none is called like it. The model as it is belongs to each. */
export function read(file, name) {
  const rows = file.rows.filter((row) => row.metrics.length);
  const origin = rows.filter((row) => row.series === unsteered);
  const names = [...new Set(rows.map((row) => row.series))].filter((series) => series !== unsteered);
  const own = names.includes(name) ? [name] : names;
  const lines = own.map((series) => ({
    name: series,
    rows: [...origin, ...rows.filter((row) => row.series === series)].sort((a, b) => a.strength - b.strength),
  }));
  const metrics = rows.flatMap((row) => row.metrics);
  const unique = (role) => [...new Set(metrics.filter((metric) => metric.role === role).map((metric) => metric.name))];
  const perplexity = metrics.find((metric) => metric.name === "perplexity")?.name;
  const cost = unique("cost").find((name) => name.startsWith("perplexity")) ?? perplexity ?? unique("cost")[0] ?? strengthName;
  return { lines, effects: unique("effect").filter((name) => name !== cost), cost };
}

/** Where a strength lies on a line between those that were measured; null outside. */
export function between(points, strength) {
  const next = points.findIndex((point) => point.strength >= strength - 1e-6);
  if (next < 0) return null;
  const [after, before] = [points[next], points[next - 1]];
  if (Math.abs(after.strength - strength) < 1e-6 || !before) return Math.abs(after.strength - strength) < 1e-6 ? after : null;
  const share = (strength - before.strength) / (after.strength - before.strength);
  return { x: before.x + share * (after.x - before.x), y: before.y + share * (after.y - before.y) };
}

function plot(evaluation, effect, name, strengths) {
  const { lines, cost } = evaluation;
  const all = lines.flatMap((line) => line.rows);
  const [xText, yText] = [cost, effect].map((name) => textOf(all.flatMap((row) => row.metrics).find((metric) => metric.name === name)));
  let isCut = false;
  const series = lines.map((line) => ({
    name: line.name,
    points: line.rows.flatMap((row) => {
      const [x, y] = [metric(row, cost), metric(row, effect)];
      if (!x || !y) return [];
      // Beside texts that have fallen to pieces all others would lie in a corner.
      if (x.form === "change" && x.value > 1) {
        isCut = true;
        return [];
      }
      const interval = y.interval ? { lower: y.interval.lower, upper: y.interval.upper } : {};
      const range = y.interval ? ` (${yText(y.interval.lower)} to ${yText(y.interval.upper)})` : "";
      return [{
        strength: row.strength, x: x.value, y: y.value, ...interval, label: number(row.strength, 2),
        says: `${lines.length > 1 ? `${line.name}, ` : ""}strength ${number(row.strength, 2)}: ${effect} ${yText(y.value)}${range}, ${cost} ${xText(x.value)}`,
      }];
    }),
  }));
  const marks = [...new Set(strengths)].flatMap((strength) =>
    (lines.length === 1 ? series : series.filter((line) => line.name === name)).flatMap((line) => {
      const point = between(line.points, strength);
      return point ? [{ ...point, label: `Now: strength ${number(strength, 2)}` }] : [];
    }),
  );
  const figure = chart({
    title: `${effect} against ${cost}`, x: { name: cost, text: xText }, y: { name: effect, text: yText }, lines: series, marks,
  });
  return { figure, isCut, isMarked: marks.length > 0 };
}

function table(evaluation) {
  const names = [...evaluation.effects, ...new Set([evaluation.cost, "perplexity"])].filter((name) => name !== strengthName);
  const rows = evaluation.lines.flatMap((line) => line.rows.map((row) => [line.name, row]));
  const cell = (row, name) => {
    const found = row.metrics.find((metric) => metric.name === name);
    return h("td", {}, found ? (Number.isFinite(found.value) ? textOf(found)(found.value) : String(found.value)) : "–");
  };
  return h(
    "details", { className: "numbers" }, h("summary", {}, "Numbers as a table"),
    h("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Numbers of the evaluation" },
      h("table", {},
        h("thead", {}, h("tr", {}, ["Map", "Strength", ...names].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, rows.map(([name, row]) => h("tr", {}, h("td", {}, name), h("td", {}, number(row.strength, 2)), names.map((name) => cell(row, name)))))),
    ),
  );
}

function panel(map, evaluation, strengths, chosen, choose) {
  const { effects } = evaluation;
  const section = h("section", { className: "evaluation", "aria-label": `Measured: ${map.id}` }, h("h3", {}, `What ${map.id} does, and what it costs`));
  if (!effects.length) {
    section.append(h("p", { className: "hint" }, "Its evaluation has no effect to draw, only these numbers."), table(evaluation));
    return section;
  }
  const effect = effects.includes(chosen) ? chosen : effects[0];
  if (effects.length > 1) {
    const select = h("select", { "aria-label": `Effect of ${map.id}`, onchange: () => choose(select.value) }, effects.map((name) => h("option", {}, name)));
    select.value = effect;
    section.append(select);
  }
  const isLess = evaluation.lines.some((line) => line.rows.some((row) => row.metrics.some((metric) => metric.name === effect && metric.lowerIsBetter)));
  const { figure, isCut, isMarked } = plot(evaluation, effect, map.id, strengths);
  section.append(figure);
  if (evaluation.lines.length > 1) {
    section.append(h("ul", { className: "keys-of-lines" }, evaluation.lines.map((line, index) => h("li", { className: `c${index % 4}` }, line.name))));
  }
  const notes = [isLess && "Less is better.", isMarked && "Rings: the strengths chosen now.", isCut && "Strengths that more than double the perplexity are in the table only."].filter(Boolean);
  if (notes.length) section.append(h("p", { className: "hint" }, notes.join(" ")));
  section.append(table(evaluation));
  return section;
}

async function evaluationOf(map) {
  const id = `${map.id} ${map.created}`;
  if (!known.has(id)) known.set(id, get(mapPath(map.id, "/evaluation")).then((file) => read(file, map.id)));
  return known.get(id).catch((error) => {
    known.delete(id);
    throw error;
  });
}

const chosen = {};

/** Plots of the maps that act and were measured, each beside its strengths now. */
export async function showEvaluations(place, part) {
  const rows = part.maps.filter((row, index, all) => mapNamed(row.map)?.evaluation && all.findIndex((other) => other.map === row.map) === index);
  const state = JSON.stringify([rows.map((row) => [row.map, row.strength, mapNamed(row.map).created]), part.strengths, chosen]);
  if (state === drawn) return;
  drawn = state;
  const panels = await Promise.all(
    rows.map(async (row) => {
      const map = mapNamed(row.map);
      try {
        const strengths = part.strengths.map((strength) => strength * row.strength);
        return panel(map, await evaluationOf(map), strengths, chosen[map.id], (effect) => {
          chosen[map.id] = effect;
          showEvaluations(place, part);
        });
      } catch (error) {
        const failed = h("div", {});
        showError(failed, `The evaluation of ${map.id} cannot be shown: ${error.message}`);
        return failed;
      }
    }),
  );
  if (state !== drawn) return;
  // A table that was opened stays open, and the choice keeps the focus.
  const open = [...place.querySelectorAll("details")].map((details) => details.open);
  const focus = [...place.querySelectorAll("select")].indexOf(document.activeElement);
  place.replaceChildren(...panels);
  place.querySelectorAll("details").forEach((details, index) => (details.open = open[index] ?? false));
  if (focus >= 0) place.querySelectorAll("select")[focus]?.focus();
}
