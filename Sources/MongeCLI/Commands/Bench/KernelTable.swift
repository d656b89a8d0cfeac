import Benchmarks
import FileSystem
import Foundation
import Monge

/// A report of kernels as text, and as files.
enum KernelTable {
    static func show(_ report: KernelReport) throws {
        let device = report.device
        let driver = [device.driver, device.driverVersion].filter { !$0.isEmpty }.joined(separator: " ")
        try Output.line("\(device.name) (\(driver)) on \(device.processor), \(report.date)")
        try Output.line(
            "ceilings: \(Output.number(report.ceilings.gigabytesPerSecond, digits: 1)) GB/s, "
                + "\(Output.number(report.ceilings.gigaflopsPerSecond, digits: 1)) GFLOP/s")
        for probe in report.ceilings.memory { try Output.line("  \(probe.name): \(Output.number(probe.rate, digits: 1)) GB/s") }
        for probe in report.ceilings.matrix { try Output.line("  \(probe.name): \(Output.number(probe.rate, digits: 1)) GFLOP/s") }
        if !report.kernels.isEmpty {
            try Output.line()
            try showKernels(report.kernels)
        }
        if report.kernels.contains(where: { !$0.isCold }) {
            try Output.line("\n* the data may have been in the cache: it is too little to be taken from many copies")
        }
        if !report.leftOut.isEmpty {
            try Output.line("\nleft out:")
            for omission in report.leftOut {
                try Output.line("  \(omission.operation) (\(omission.model)) \(omission.shapes): \(omission.reason)")
            }
        }
    }

    private static func showKernels(_ kernels: [KernelResult]) throws {
        var peers: [String] = []
        for peer in kernels.flatMap({ $0.peers ?? [] }) where !peers.contains(peer.name) { peers.append(peer.name) }
        let header = ["operation", "model", "shapes", "time", "±", "GFLOP/s", "GB/s", "of ceiling", "bound by"] + peers
        try Output.table(
            header,
            kernels.map { kernel in
                [
                    kernel.operation, kernel.model, kernel.shapes, time(kernel.time.median),
                    Output.number(50 * kernel.time.spread, digits: 0) + " %",
                    kernel.operations == 0 ? "" : Output.number(kernel.gigaflopsPerSecond, digits: 1),
                    Output.number(kernel.gigabytesPerSecond, digits: 1),
                    Output.number(100 * kernel.shareOfCeiling, digits: 0) + " %" + (kernel.isCold ? "" : " *"), kernel.bound,
                ]
                    + peers.map { name in
                        kernel.peers?.first { $0.name == name }.map { "\(time($0.time.median)) (\(Output.number($0.ratio))×)" } ?? ""
                    }
            })
    }

    /// With three digits and the unit that fits.
    static func time(_ seconds: Double) -> String {
        switch seconds {
        case 1...: String(format: "%.3g s", seconds)
        case 1e-3...: String(format: "%.3g ms", seconds * 1e3)
        default: String(format: "%.3g µs", seconds * 1e6)
        }
    }

    static func write(_ report: KernelReport, out: String?, html: String?) throws {
        if let out { try write(try report.json(), to: out) }
        if let html { try write(Data(try KernelReportPage(report).html().utf8), to: html) }
    }

    private static func write(_ data: Data, to path: String) throws {
        try OutputFile(path).write(data)
        Terminal.message("wrote \(path)")
    }
}
