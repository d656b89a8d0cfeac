import Foundation
import Foundations

/// A report as one HTML file that asks for nothing else: a roofline plot, the ceilings, a table that can be sorted and searched, and what
/// was left out. It follows the reader's choice of light or dark, and without JavaScript still names the device and the ceilings.
public struct KernelReportPage {
    private let report: KernelReport

    public init(_ report: KernelReport) { self.report = report }

    public func html() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let data = String(decoding: try encoder.encode(report), as: UTF8.self)
        let device = report.device
        let driver = [device.driver, device.driverVersion].filter { !$0.isEmpty }.joined(separator: " ")
        let values = [
            "title": HTMLPage.escaped("Kernels on \(device.name)"),
            "device": HTMLPage.escaped(device.name),
            "facts": [
                "driver \(driver)", "processor \(device.processor)", report.date, "Monge \(report.version)",
            ].map { "<li>\(HTMLPage.escaped($0))</li>" }.joined(),
            "command": HTMLPage.escaped(report.command),
            "ceilings": (report.ceilings.memory.map { ($0, "GB/s") } + report.ceilings.matrix.map { ($0, "GFLOP/s") })
                .map { "<tr><td>\(HTMLPage.escaped($0.0.name))</td><td class=number>\(Self.rate($0.0.rate)) \($0.1)</td></tr>" }.joined(),
            "style": HTMLPage.style + Self.style,
            "script": Self.script,
            // Inside a script element only `<` could end it (HTML Standard, "Restrictions for contents of script elements").
            "data": data.replacingOccurrences(of: "<", with: "\\u003c"),
        ]
        return HTMLPage.fill(Self.page, values)
    }

    private static func rate(_ value: Double) -> String { String(format: value < 100 ? "%.1f" : "%.0f", value) }
}
