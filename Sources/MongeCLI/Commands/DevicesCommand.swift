import ArgumentParser
import Foundation
import Monge
import VulkanBackend
import VulkanRuntime

/// `monge devices`: every device, what it can do, and why any was refused.
struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "Lists every device, its limits and features that matter, and why any was refused.")

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    private struct Listing: Encodable {
        var cpu: CPUDescription
        var vulkan: [Entry]
        /// Why there is no Vulkan at all, when there is none.
        var vulkanError: String?
        /// What `--device auto` chooses.
        var automatic: String
    }

    private struct Entry: Encodable {
        var device: DeviceReport
        /// Why it cannot be used; empty when it can.
        var refusals: [String]
        /// How it multiplies matrices by itself, and what is known of its kernels.
        var matrix: MatrixSupport
    }

    mutating func run() throws {
        var listing = Listing(cpu: CPUDescription.current, vulkan: [], vulkanError: nil, automatic: "cpu")
        do {
            let reports = try VulkanSystem.reports()
            listing.vulkan = reports.map { Entry(device: $0, refusals: $0.refusals, matrix: MatrixSupport($0)) }
            if let index = try? VulkanSystem.choose(.best, from: reports) { listing.automatic = "vulkan:\(index)" }
        } catch {
            listing.vulkanError = "\(error)"
        }
        if json { return try Output.json(listing) }
        try Output.line("cpu\n  \(listing.cpu.threads) threads, \(listing.cpu.instructions)")
        for entry in listing.vulkan { try show(entry) }
        if let error = listing.vulkanError { try Output.line("no Vulkan: \(error)") }
        try Output.line("\n--device auto is \(listing.automatic)")
    }

    private func show(_ entry: Entry) throws {
        let device = entry.device
        let limits = device.limits
        try Output.line("\nvulkan:\(device.index)  \(device.name) (\(device.kind.rawValue))")
        try Output.line("  driver: \(device.driverName) \(device.driverVersion), Vulkan \(device.apiVersion)")
        let memory = device.heaps.map { heap in
            "\(heap.byteCount >> 20) MiB\(heap.isDeviceLocal ? " of its own" : " of the host")"
                + (heap.budget.map { " (\($0 >> 20) MiB free to use)" } ?? "")
        }
        try Output.line("  memory: \(memory.joined(separator: ", ")); largest allocation \(limits.largestAllocation >> 20) MiB")
        try Output.line(
            "  subgroups of \(limits.subgroupSize), workgroups of up to \(limits.workGroupInvocations), shared memory "
                + "\(limits.sharedMemory >> 10) KiB, " + (limits.timestampBits > 0 ? "timestamps" : "no timestamps"))
        try Output.line("  features: \(device.features.map(\.rawValue).sorted().joined(separator: ", "))")
        if !device.matrixShapes.isEmpty {
            let shapes = device.matrixShapes.map { "\($0.rows)×\($0.columns)×\($0.depth) \($0.a)→\($0.result)" }
            try Output.line("  matrix shapes: \(shapes.joined(separator: ", "))")
        }
        try Output.line("  matrix products: \(entry.matrix.kind.rawValue) (\(entry.matrix.detail))")
        for failure in entry.matrix.failures { try Output.line("  wrong and not used: \(failure)") }
        if let date = entry.matrix.tuned { try Output.line("  tuned \(date)") }
        if entry.refusals.isEmpty {
            if device.isSoftware { try Output.line("  computes on the CPU: used only when asked for by index or name") }
        } else {
            try Output.line("  refused: \(entry.refusals.joined(separator: "; "))")
        }
    }
}
