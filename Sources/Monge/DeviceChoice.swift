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
    /// The best Vulkan device of hardware; an error when there is none.
    case vulkan
    /// The Vulkan device with this index, software devices among them.
    case vulkanIndex(Int)
    /// The first Vulkan device with this in its name, in any case, software devices among them.
    case vulkanName(String)

    /// Reads `auto`, `cpu`, `cpu-reference`, `vulkan`, `vulkan:N` or `vulkan:NAME`.
    ///
    /// - Throws: ``MongeError/usage(_:)`` for anything else.
    public init(_ text: String) throws {
        switch text {
        case "auto": self = .automatic
        case "cpu": self = .cpu
        case "cpu-reference": self = .cpuReference
        case "vulkan": self = .vulkan
        default:
            let name = String(text.dropFirst("vulkan:".count))
            guard text.hasPrefix("vulkan:"), !name.isEmpty, !name.hasPrefix("-") else {
                throw MongeError.usage("the device '\(text)' is none of auto, cpu, cpu-reference, vulkan, vulkan:N, vulkan:NAME")
            }
            self = Int(name).map { .vulkanIndex($0) } ?? .vulkanName(name)
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
        case .vulkan: "vulkan"
        case .vulkanIndex(let index): "vulkan:\(index)"
        case .vulkanName(let name): "vulkan:\(name)"
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
            guard let reports = try? VulkanSystem.reports(), let index = try? VulkanSystem.choose(.best, from: reports) else {
                return try CPUBackend()
            }
            return try open(index, options)
        case .vulkan: return try open(VulkanSystem.choose(.best, from: VulkanSystem.reports()), options)
        case .vulkanIndex(let index): return try open(VulkanSystem.choose(.index(index), from: VulkanSystem.reports()), options)
        case .vulkanName(let name): return try open(VulkanSystem.choose(.name(name), from: VulkanSystem.reports()), options)
        }
    }

    private func open(_ index: Int, _ options: DeviceOptions) throws -> any Backend {
        try VulkanBackend(device: Device(index: index, options: options), matrix: .fromEnvironment())
    }
}
