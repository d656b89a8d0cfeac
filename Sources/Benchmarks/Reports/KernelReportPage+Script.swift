extension KernelReportPage {
    /// Draws the plot and the tables from the report in the page.
    static let script = #"""
        "use strict";
        const report = JSON.parse(document.getElementById("data").textContent);
        const svgNamespace = "http://www.w3.org/2000/svg";

        function element(name, attributes = {}, ...children) {
          const node = document.createElement(name);
          for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
          node.append(...children);
          return node;
        }
        function drawing(name, attributes = {}, text) {
          const node = document.createElementNS(svgNamespace, name);
          for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
          if (text !== undefined) node.textContent = text;
          return node;
        }

        function rate(value) {
          if (value === 0) return "–";
          return value >= 1000 ? Math.round(value).toString() : value >= 10 ? value.toFixed(1) : value.toPrecision(2);
        }
        function seconds(value) {
          if (value >= 1) return value.toPrecision(3) + " s";
          return value >= 1e-3 ? (value * 1e3).toPrecision(3) + " ms" : (value * 1e6).toPrecision(3) + " µs";
        }
        const percent = value => (value > 0 && value < 0.01 ? (100 * value).toPrecision(1) : Math.round(100 * value)) + " %";
        const spread = time => (time.upperQuartile - time.lowerQuartile) / 2 / time.median;

        const operations = [...new Set(report.kernels.map(kernel => kernel.operation))].sort();
        // Hues a golden angle apart, in three lightnesses, stay distinct for many operations.
        function colour(operation) {
          const index = operations.indexOf(operation);
          return `hsl(${index * 137.508 % 360} 65% calc(${[50, 38, 64][Math.floor(index / 8) % 3]}% + var(--lift)))`;
        }
        let chosenOperation = null;

        // MARK: Roofline

        /** Draws the plot for the width there is, so that marks and letters keep their size. */
        function plot() {
          const place = document.getElementById("plot");
          const width = Math.max(320, place.clientWidth), height = Math.round(Math.min(520, Math.max(300, 0.44 * width)));
          const left = 60, right = 20, top = 16, bottom = 48;
          const kernels = report.kernels.filter(kernel => kernel.operations > 0);
          const ceiling = report.ceilings;
          const svg = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Roofline plot" });
          const ridge = ceiling.gigaflopsPerSecond / ceiling.gigabytesPerSecond;
          const intensities = kernels.map(kernel => kernel.operations / kernel.bytes).concat(ridge / 4, ridge * 4);
          const decades = (values, room) => [
            Math.floor(Math.log10(Math.min(...values) / room)), Math.ceil(Math.log10(Math.max(...values) * room))];
          const [xLow, xHigh] = decades(intensities, 1.1);
          const [yLow, yHigh] = decades(kernels.map(kernel => kernel.gigaflopsPerSecond).concat(ceiling.gigaflopsPerSecond), 1.1);
          const x = value => left + (Math.log10(value) - xLow) / (xHigh - xLow) * (width - left - right);
          const y = value => height - bottom - (Math.log10(value) - yLow) / (yHigh - yLow) * (height - top - bottom);
          const label = exponent => exponent >= 0 && exponent < 6 ? (10 ** exponent).toLocaleString("en") : exponent >= -3 && exponent < 0
            ? (10 ** exponent).toString() : "1e" + exponent;
          for (let exponent = xLow; exponent <= xHigh; exponent++) {
            const at = x(10 ** exponent);
            svg.append(drawing("line", { class: "grid", x1: at, x2: at, y1: top, y2: height - bottom }),
              drawing("text", { x: at, y: height - bottom + 18, "text-anchor": "middle" }, label(exponent)));
          }
          for (let exponent = yLow; exponent <= yHigh; exponent++) {
            const at = y(10 ** exponent);
            svg.append(drawing("line", { class: "grid", x1: left, x2: width - right, y1: at, y2: at }),
              drawing("text", { x: left - 8, y: at + 4, "text-anchor": "end" }, label(exponent)));
          }
          svg.append(
            drawing("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, "operations for each byte moved"),
            drawing("text", { x: 14, y: (top + height - bottom) / 2, "text-anchor": "middle",
              transform: `rotate(-90 14 ${(top + height - bottom) / 2})` }, "GFLOP/s"));
          const start = Math.max(10 ** xLow, 10 ** yLow / ceiling.gigabytesPerSecond);
          svg.append(drawing("path", { class: "roof", d: `M ${x(start)} ${y(start * ceiling.gigabytesPerSecond)} `
            + `L ${x(ridge)} ${y(ceiling.gigaflopsPerSecond)} L ${width - right} ${y(ceiling.gigaflopsPerSecond)}` }));
          const slope = -Math.atan2((height - top - bottom) / (yHigh - yLow), (width - left - right) / (xHigh - xLow)) * 180 / Math.PI;
          const middle = Math.sqrt(start * ridge);
          const [labelX, labelY] = [x(middle), y(middle * ceiling.gigabytesPerSecond) - 8];
          svg.append(
            drawing("text", { x: labelX, y: labelY, "text-anchor": "middle", transform: `rotate(${slope} ${labelX} ${labelY})` },
              `${rate(ceiling.gigabytesPerSecond)} GB/s`),
            drawing("text", { x: width - right - 4, y: y(ceiling.gigaflopsPerSecond) - 8, "text-anchor": "end" },
              `${rate(ceiling.gigaflopsPerSecond)} GFLOP/s`));
          const radius = 5;
          const places = kernels.map(kernel => [x(kernel.operations / kernel.bytes), y(kernel.gigaflopsPerSecond)]);
          kernels.forEach((kernel, index) => {
            const shade = colour(kernel.operation);
            const [atX, atY] = places[index];
            const mark = drawing("circle", { class: "mark", cx: atX, cy: atY, r: radius, tabindex: 0, role: "button",
              "aria-label": sentence(kernel), style: `fill: ${kernel.isCold ? shade : "transparent"}; stroke: ${shade}` });
            mark.dataset.operation = kernel.operation;
            // Marks may hide each other: each speaks for those under it.
            const others = kernels.filter((_, other) => other !== index
              && Math.hypot(places[other][0] - atX, places[other][1] - atY) <= radius);
            const show = () => showTip(mark, kernel, others.filter(isShown));
            mark.addEventListener("mouseenter", show);
            mark.addEventListener("focus", show);
            mark.addEventListener("mouseleave", hideTip);
            mark.addEventListener("blur", hideTip);
            mark.addEventListener("click", () => choose(kernel));
            mark.addEventListener("keydown", event => { if (event.key === "Enter") choose(kernel); });
            svg.append(mark);
          });
          place.replaceChildren(svg);
          hideTip();
          fade();
        }
        /** Whether a kernel is of the operation that was chosen in the legend, if one was. */
        const isShown = ({ operation }) => chosenOperation === null || operation === chosenOperation;
        function fade() {
          for (const mark of document.querySelectorAll("#plot .mark")) mark.classList.toggle("faded", !isShown(mark.dataset));
        }

        function sentence(kernel) {
          return `${kernel.operation} (${kernel.model})\n${kernel.shapes}\n${seconds(kernel.time.median)} · ${rate(kernel.gigaflopsPerSecond)} `
            + `GFLOP/s · ${rate(kernel.gigabytesPerSecond)} GB/s · ${percent(kernel.shareOfCeiling)} of the ${kernel.bound} ceiling`
            + `\n${kernel.time.runs} runs, ` + (kernel.clock === "timestamps" ? "the device's clock" : "the host's clock")
            + (kernel.isCold ? "" : ", data in the cache");
        }
        function showTip(mark, kernel, others) {
          const most = 4;
          const tip = document.getElementById("tip");
          const lines = others.slice(0, most).map(other => `${other.operation} ${other.shapes}: ${seconds(other.time.median)}`);
          if (others.length > most) lines.push(`and ${others.length - most} more`);
          tip.textContent = [sentence(kernel), ...(lines.length > 0 ? ["", "In the same place:", ...lines] : [])].join("\n");
          tip.hidden = false;
          tip.style.left = "0";
          const box = mark.getBoundingClientRect();
          const left = Math.min(box.right + 8, document.documentElement.clientWidth - tip.offsetWidth - 8);
          tip.style.left = `${Math.max(8, left) + window.scrollX}px`;
          const fitsBelow = box.bottom + 8 + tip.offsetHeight <= document.documentElement.clientHeight;
          tip.style.top = `${(fitsBelow ? box.bottom + 8 : Math.max(0, box.top - 8 - tip.offsetHeight)) + window.scrollY}px`;
        }
        function hideTip() { document.getElementById("tip").hidden = true; }

        function legend() {
          const place = document.getElementById("legend");
          for (const operation of operations) {
            const swatch = element("i");
            swatch.style.background = colour(operation);
            const button = element("button", { type: "button", "aria-pressed": "false" }, swatch, operation);
            button.dataset.operation = operation;
            button.addEventListener("click", () => chooseOperation(chosenOperation === operation ? null : operation));
            place.append(button);
          }
        }

        /** Leaves the kernels of one operation, or all for null. */
        function chooseOperation(operation) {
          chosenOperation = operation;
          for (const button of document.getElementById("legend").children) {
            button.setAttribute("aria-pressed", String(button.dataset.operation === operation));
          }
          fade();
          fill();
        }

        // MARK: Tables

        const peers = [...new Set(report.kernels.flatMap(kernel => (kernel.peers ?? []).map(peer => peer.name)))];
        const peer = (kernel, name) => (kernel.peers ?? []).find(entry => entry.name === name);
        const columns = [
          { title: "operation", value: kernel => kernel.operation },
          { title: "model", value: kernel => kernel.model },
          { title: "shapes", value: kernel => kernel.shapes, class: "shapes" },
          { title: "time", value: kernel => kernel.time.median, text: kernel => seconds(kernel.time.median), number: true },
          { title: "±", value: kernel => spread(kernel.time), text: kernel => percent(spread(kernel.time)), number: true },
          { title: "runs", value: kernel => kernel.time.runs, number: true },
          { title: "GFLOP/s", value: kernel => kernel.gigaflopsPerSecond, text: kernel => rate(kernel.gigaflopsPerSecond), number: true },
          { title: "GB/s", value: kernel => kernel.gigabytesPerSecond, text: kernel => rate(kernel.gigabytesPerSecond), number: true },
          { title: "of ceiling", value: kernel => kernel.shareOfCeiling, text: kernel => percent(kernel.shareOfCeiling), number: true,
            bar: true },
          { title: "bound by", value: kernel => kernel.bound },
          { title: "data", value: kernel => kernel.isCold ? "cold" : "in cache" },
          ...peers.map(name => ({ title: name, number: true, value: kernel => peer(kernel, name)?.ratio,
            text: kernel => peer(kernel, name) ? `${seconds(peer(kernel, name).time.median)} (${peer(kernel, name).ratio.toPrecision(2)}×)` : "" })),
        ];
        let order = { column: null, descending: false };

        /** Makes the header, once: a button that is replaced loses the keyboard. */
        function header() {
          const head = element("tr", {}, ...columns.map(column => {
            const button = element("button", { type: "button" });
            button.addEventListener("click", () => {
              // The largest number is of most interest, and the first name.
              order = { column, descending: column === order.column ? !order.descending : column.number === true };
              fill();
            });
            return element("th", { class: column.number ? "number" : "", scope: "col" }, button);
          }));
          document.getElementById("kernels").append(element("thead", {}, head), element("tbody"));
        }

        function fill() {
          const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
          const shown = report.kernels.filter(kernel => {
            const text = `${kernel.operation} ${kernel.model} ${kernel.shapes}`.toLowerCase();
            return words.every(word => text.includes(word)) && isShown(kernel);
          });
          if (order.column) {
            const { value } = order.column;
            shown.sort((a, b) => {
              const [left, right] = [value(a), value(b)];
              // What was not measured comes last, whichever way.
              if (left === undefined || right === undefined) return (left === undefined) - (right === undefined);
              const sign = typeof left === "number" ? left - right : left.localeCompare(right, "en", { numeric: true });
              return order.descending ? -sign : sign;
            });
          }
          const cells = document.querySelectorAll("#kernels th");
          columns.forEach((column, index) => {
            const isSorted = column === order.column;
            cells[index].setAttribute("aria-sort", isSorted ? order.descending ? "descending" : "ascending" : "none");
            cells[index].firstChild.textContent = column.title + (isSorted ? order.descending ? " ▾" : " ▴" : "");
          });
          const rows = shown.map(kernel => {
            const row = element("tr");
            row.dataset.key = key(kernel);
            for (const column of columns) {
              const cell = element("td", { class: column.number ? "number" : column.class ?? "" });
              if (column.bar) {
                const bar = element("span", { class: "bar" });
                bar.style.width = `${Math.min(1, column.value(kernel)) * 60}px`;
                cell.append(bar);
              }
              cell.append(String((column.text ?? column.value)(kernel)));
              row.append(cell);
            }
            return row;
          });
          document.querySelector("#kernels tbody").replaceChildren(...rows);
          document.getElementById("count").textContent = `${shown.length} of ${report.kernels.length}`;
        }
        const key = kernel => `${kernel.operation} ${kernel.model} ${kernel.shapes}`;

        /** Shows a kernel's row, whatever the filters hide. */
        function choose(kernel) {
          document.getElementById("search").value = "";
          chooseOperation(isShown(kernel) ? chosenOperation : null);
          for (const row of document.querySelectorAll("#kernels tbody tr")) {
            const isChosen = row.dataset.key === key(kernel);
            row.classList.toggle("chosen", isChosen);
            if (isChosen) row.scrollIntoView({ block: "center" });
          }
        }

        function leftOut() {
          if (report.leftOut.length === 0) return;
          const section = document.getElementById("leftOut");
          section.hidden = false;
          const table = section.querySelector("table");
          const titles = ["operation", "model", "shapes", "reason"];
          table.append(element("thead", {}, element("tr", {}, ...titles.map(title => element("th", { scope: "col" }, title)))));
          table.append(element("tbody", {}, ...report.leftOut.map(omission =>
            element("tr", {}, ...titles.map(title => element("td", {}, omission[title]))))));
        }

        document.getElementById("search").addEventListener("input", fill);
        plot();
        legend();
        header();
        fill();
        leftOut();
        let plottedWidth = document.getElementById("plot").clientWidth;
        new ResizeObserver(([entry]) => {
          if (Math.round(entry.contentRect.width) === plottedWidth) return;
          plottedWidth = Math.round(entry.contentRect.width);
          plot();
        }).observe(document.getElementById("plot"));
        """#
}
