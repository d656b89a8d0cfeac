import Benchmarks
import Foundation
import Testing

/// The page in a browser, where the machine has one: a copy of it uses its own controls and says in its title what does not hold.
@Suite struct KernelReportBrowserTests {
    private static let browser = ["chromium", "chromium-browser", "google-chrome"].map { "/usr/bin/\($0)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(.enabled(if: browser != nil), .timeLimit(.minutes(60))) func thePageSortsFiltersAndTells() throws {
        var report = MeasuredReport.small
        // Some kernels have been compared with another library; as text, 10 would come before 9.
        for (index, ratio) in [9, 10, 0.5].enumerated() {
            report.kernels[index].peers = [KernelResult.Peer(name: "another library", time: TimeStatistics([1, 2]), ratio: ratio)]
        }
        let page = try KernelReportPage(report).html().replacingOccurrences(of: "</body>", with: "<script>\(Self.check)</script></body>")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("page-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("page.html")
        try page.write(to: file, atomically: true, encoding: .utf8)

        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.browser))
        process.arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(folder.path)/profile", "--virtual-time-budget=2000",
            "--dump-dom", file.absoluteString,
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let title = try #require(text.components(separatedBy: "<title>").dropFirst().first?.components(separatedBy: "</title>").first)
        #expect(title == "all holds")
    }

    private static let check = #"""
        const faults = [];
        function expect(holds, what) { if (!holds) faults.push(what); }
        const rows = () => [...document.querySelectorAll("#kernels tbody tr")];
        const kernels = () => rows().map(row => report.kernels.find(kernel => key(kernel) === row.dataset.key));
        const count = () => document.getElementById("count").textContent;
        const all = `${report.kernels.length} of ${report.kernels.length}`;
        function search(text) {
          const field = document.getElementById("search");
          field.value = text;
          field.dispatchEvent(new Event("input"));
        }
        try {
          columns.forEach((column, index) => {
            const cell = document.querySelectorAll("#kernels th")[index];
            const orders = [0, 1].map(() => {
              cell.firstChild.focus();
              cell.firstChild.click();
              expect(document.activeElement === cell.firstChild, `${column.title} keeps the keyboard`);
              const values = kernels().map(column.value);
              const known = values.filter(value => value !== undefined);
              expect(values.length === report.kernels.length && values.slice(0, known.length).every(value => value !== undefined),
                `${column.title}: what is missing comes last`);
              const order = cell.getAttribute("aria-sort");
              if (column.number) {
                expect(known.every((value, place) => place === 0
                  || (order === "ascending" ? known[place - 1] <= value : known[place - 1] >= value)), `${column.title} ${order}`);
              } else {
                const changes = known.filter((value, place) => place === 0 || value !== known[place - 1]);
                expect(changes.length === new Set(known).size, `${column.title} ${order}`);
              }
              return order;
            });
            expect(orders.sort().join() === "ascending,descending", `${column.title} both ways`);
          });
          search("135m  ADD");
          expect(rows().length > 0 && kernels().every(kernel => kernel.operation === "add"), "words are found in any case");
          search("no such kernel");
          expect(rows().length === 0 && count().startsWith("0 of"), "nothing is found");
          search("");
          expect(count() === all, "all are back");
          const [button] = document.getElementById("legend").children;
          button.click();
          expect(kernels().every(kernel => kernel.operation === button.dataset.operation), "the legend chooses an operation");
          const faded = document.querySelector("#plot .faded");
          faded.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
          expect(count() === all && document.querySelectorAll(".chosen").length === 1
            && document.querySelectorAll(".faded").length === 0, "a mark shows its row whatever is hidden");
          const tip = document.getElementById("tip");
          for (const mark of document.querySelectorAll("#plot .mark")) {
            mark.dispatchEvent(new MouseEvent("mouseenter"));
            expect(!tip.hidden && tip.textContent.startsWith(mark.getAttribute("aria-label")), "a mark tells of its kernel");
            mark.dispatchEvent(new MouseEvent("mouseleave"));
            expect(tip.hidden, "what a mark tells goes");
          }
        } catch (error) { faults.push(String(error)); }
        document.title = faults.length === 0 ? "all holds" : faults.join("; ");
        """#
}
