import Benchmarks
import Foundation
import Monge

/// A report of kernels as text, and as files.
enum KernelTable {
    static func show(_ report: KernelReport) {
        let device = report.device
        let driver = [device.driver, device.driverVersion].filter { !$0.isEmpty }.joined(separator: " ")
        print("\(device.name) (\(driver)) on \(device.processor), \(report.date)")
        print(
            "ceilings: \(Output.number(report.ceilings.gigabytesPerSecond, digits: 1)) GB/s, "
                + "\(Output.number(report.ceilings.gigaflopsPerSecond, digits: 1)) GFLOP/s")
        for probe in report.ceilings.memory { print("  \(probe.name): \(Output.number(probe.rate, digits: 1)) GB/s") }
        for probe in report.ceilings.matrix { print("  \(probe.name): \(Output.number(probe.rate, digits: 1)) GFLOP/s") }
        if !report.kernels.isEmpty {
            print("")
            showKernels(report.kernels)
        }
        if report.kernels.contains(where: { !$0.isCold }) {
            print("\n* the data may have been in the cache: it is too little to be taken from many copies")
        }
        if !report.leftOut.isEmpty {
            print("\nleft out:")
            for omission in report.leftOut {
                print("  \(omission.operation) (\(omission.model)) \(omission.shapes): \(omission.reason)")
            }
        }
    }

    private static func showKernels(_ kernels: [KernelResult]) {
        var peers: [String] = []
        for peer in kernels.flatMap({ $0.peers ?? [] }) where !peers.contains(peer.name) { peers.append(peer.name) }
        let header = ["operation", "model", "shapes", "time", "±", "GFLOP/s", "GB/s", "of ceiling", "bound by"] + peers
        Output.table(
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

    static func write(_ report: KernelReport, json: String?, html: String?) throws {
        if let json { try write(try report.json(), to: json) }
        if let html { try write(Data(try KernelReportPage(report).html().utf8), to: html) }
    }

    private static func write(_ data: Data, to path: String) throws {
        do {
            try data.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw MongeError.failed("\(path) cannot be written: \(error.localizedDescription)")
        }
        Terminal.message("wrote \(path)")
    }
}
