import Foundation

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
            "title": Self.escaped("Kernels on \(device.name)"),
            "device": Self.escaped(device.name),
            "facts": [
                "driver \(driver)", "processor \(device.processor)", report.date, "Monge \(report.version)",
            ].map { "<li>\(Self.escaped($0))</li>" }.joined(),
            "command": Self.escaped(report.command),
            "ceilings": (report.ceilings.memory.map { ($0, "GB/s") } + report.ceilings.matrix.map { ($0, "GFLOP/s") })
                .map { "<tr><td>\(Self.escaped($0.0.name))</td><td class=number>\(Self.rate($0.0.rate)) \($0.1)</td></tr>" }.joined(),
            "style": Self.style,
            "script": Self.script,
            // Inside a script element only `<` could end it (HTML Standard, "Restrictions for contents of script elements").
            "data": data.replacingOccurrences(of: "<", with: "\\u003c"),
        ]
        return Self.fill(Self.page, values)
    }

    /// Replaces each `{{name}}` of the template, once: what is put in is not looked through again.
    private static func fill(_ template: String, _ values: [String: String]) -> String {
        let parts = template.components(separatedBy: "{{")
        return parts[0]
            + parts.dropFirst().map { part in
                let pieces = part.components(separatedBy: "}}")
                return values[pieces[0]]! + pieces.dropFirst().joined(separator: "}}")
            }.joined()
    }

    static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
    }

    private static func rate(_ value: Double) -> String { String(format: value < 100 ? "%.1f" : "%.0f", value) }
}
