import CPUBackend
import Foundation
import Tensors
import VulkanBackend
import VulkanRuntime

/// Which device a model runs on.
public enum DeviceChoice: Hashable, Sendable, CustomStringConvertible {
    /// The best GPU, or the CPU when there is none. A software Vulkan device is never chosen by itself.
    case automatic
    /// The fast CPU path.
    case cpu
    /// The plain CPU path that every other is checked against: slow.
    case cpuReference
    /// A Vulkan device by its index, or the best one, which fails when there is none.
    case vulkan(index: Int?)

    /// Reads `auto`, `cpu`, `cpu-reference`, `vulkan` or `vulkan:N`.
    ///
    /// - Throws: ``MongeError/usage(_:)`` for anything else.
    public init(_ text: String) throws {
        switch text {
        case "auto": self = .automatic
        case "cpu": self = .cpu
        case "cpu-reference": self = .cpuReference
        case "vulkan": self = .vulkan(index: nil)
        default:
            guard text.hasPrefix("vulkan:"), let index = Int(text.dropFirst("vulkan:".count)), index >= 0 else {
                throw MongeError.usage("the device '\(text)' is none of auto, cpu, cpu-reference, vulkan, vulkan:N")
            }
            self = .vulkan(index: index)
        }
    }

    /// What `$MONGE_DEVICE` asks for, ``automatic`` when it is not set.
    public static func fromEnvironment() throws -> DeviceChoice {
        guard let text = ProcessInfo.processInfo.environment["MONGE_DEVICE"], !text.isEmpty else { return .automatic }
        return try DeviceChoice(text)
    }

    public var description: String {
        switch self {
        case .automatic: "auto"
        case .cpu: "cpu"
        case .cpuReference: "cpu-reference"
        case .vulkan(let index): index.map { "vulkan:\($0)" } ?? "vulkan"
        }
    }

    /// Opens the device.
    ///
    /// - Parameter options: For a Vulkan device: validation layer, checked shaders, a limit on memory.
    /// - Throws: ``VulkanError`` when the device asked for cannot be had, with the reason.
    public func open(options: DeviceOptions = DeviceOptions()) throws -> any Backend {
        switch self {
        case .cpu: return try CPUBackend()
        case .cpuReference: return ReferenceBackend()
        case .automatic:
            guard let reports = try? VulkanSystem.reports(), let index = try? VulkanSystem.choose(reports) else { return try CPUBackend() }
            return try VulkanBackend(device: Device(index: index, options: options))
        case .vulkan(let index):
            let reports = try VulkanSystem.reports()
            return try VulkanBackend(device: Device(index: index ?? VulkanSystem.choose(reports), options: options))
        }
    }
}
