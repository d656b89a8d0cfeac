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
        print("cpu\n  \(listing.cpu.threads) threads, \(listing.cpu.instructions)")
        for entry in listing.vulkan { show(entry) }
        if let error = listing.vulkanError { print("no Vulkan: \(error)") }
        print("\n--device auto is \(listing.automatic)")
    }

    private func show(_ entry: Entry) {
        let device = entry.device
        let limits = device.limits
        print("\nvulkan:\(device.index)  \(device.name) (\(device.kind.rawValue))")
        print("  driver: \(device.driverName) \(device.driverVersion), Vulkan \(device.apiVersion)")
        let memory = device.heaps.map { heap in
            "\(heap.byteCount >> 20) MiB\(heap.isDeviceLocal ? " of its own" : " of the host")"
                + (heap.budget.map { " (\($0 >> 20) MiB free to use)" } ?? "")
        }
        print("  memory: \(memory.joined(separator: ", ")); largest allocation \(limits.largestAllocation >> 20) MiB")
        print(
            "  subgroups of \(limits.subgroupSize), workgroups of up to \(limits.workGroupInvocations), shared memory "
                + "\(limits.sharedMemory >> 10) KiB, " + (limits.timestampBits > 0 ? "timestamps" : "no timestamps"))
        print("  features: \(device.features.map(\.rawValue).sorted().joined(separator: ", "))")
        if !device.matrixShapes.isEmpty {
            let shapes = device.matrixShapes.map { "\($0.rows)×\($0.columns)×\($0.depth) \($0.a)→\($0.result)" }
            print("  matrix shapes: \(shapes.joined(separator: ", "))")
        }
        print("  matrix products: \(entry.matrix.kind.rawValue) (\(entry.matrix.detail))")
        for failure in entry.matrix.failures { print("  wrong and not used: \(failure)") }
        if let date = entry.matrix.tuned { print("  tuned \(date)") }
        if entry.refusals.isEmpty {
            if device.isSoftware { print("  computes on the CPU: used only when asked for by index or name") }
        } else {
            print("  refused: \(entry.refusals.joined(separator: "; "))")
        }
    }
}
