import ArgumentParser
import Foundation
import Monge
import VulkanRuntime

/// `monge devices`: every device, what it can do, and why any was refused.
struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "Lists every device, its limits and features that matter, and why any was refused.")

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    private struct Listing: Encodable {
        var cpu: CPUDescription
        var vulkan: [DeviceReport]
        /// Why there is no Vulkan at all, when there is none.
        var vulkanError: String?
        /// What `--device auto` chooses.
        var automatic: String
    }

    mutating func run() throws {
        var listing = Listing(cpu: CPUDescription.current, vulkan: [], vulkanError: nil, automatic: "cpu")
        do {
            listing.vulkan = try VulkanSystem.reports()
            if let index = try? VulkanSystem.choose(listing.vulkan) { listing.automatic = "vulkan:\(index)" }
        } catch {
            listing.vulkanError = "\(error)"
        }
        if json { return try Output.json(listing) }
        print("cpu        \(listing.cpu.threads) threads, \(listing.cpu.instructions)")
        for report in listing.vulkan { print(report.text) }
        if let error = listing.vulkanError { print("no Vulkan: \(error)") }
        print("\n--device auto is \(listing.automatic)")
    }
}
