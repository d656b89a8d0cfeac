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
    /// - Parameters:
    ///   - options: For a Vulkan device: validation layer, checked shaders, a limit on memory.
    ///   - family: How the kernels of a Vulkan device are laid out; nil for what suits it.
    ///   - precision: Of products with quantised weights on the CPU.
    ///   - onVulkan: Of products on a Vulkan device, on tensor cores and elsewhere; nil for the same.
    ///   - isBatchInvariant: Whether bits are not to depend on what is computed together (``MatrixOptions/isBatchInvariant``); on the CPU they
    ///     never do.
    ///   - warn: Told, in a sentence, of kernels that failed their check and of tables that cannot be used.
    /// - Throws: ``VulkanError`` when the device asked for cannot be had, with the reason.
    public func open(
        options: DeviceOptions = DeviceOptions(), family: KernelFamily? = nil, precision: ProductPrecision = .exact,
        onVulkan: ProductPrecision? = nil, isBatchInvariant: Bool = false, warn: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> any Backend {
        func vulkan(_ request: VulkanSystem.Request) throws -> any Backend {
            let index = try VulkanSystem.choose(request, from: VulkanSystem.reports())
            var matrix = try MatrixOptions.fromEnvironment(precision: onVulkan ?? precision)
            matrix.report = warn
            matrix.isBatchInvariant = isBatchInvariant
            return try VulkanBackend(device: Device(index: index, options: options), family: family, matrix: matrix)
        }
        switch self {
        case .cpu: return try CPUBackend(precision: precision)
        case .cpuReference: return ReferenceBackend(precision: precision)
        case .automatic:
            let hasDevice = (try? VulkanSystem.choose(.best, from: VulkanSystem.reports())) != nil
            return hasDevice ? try vulkan(.best) : try CPUBackend(precision: precision)
        case .vulkan: return try vulkan(.best)
        case .vulkanIndex(let index): return try vulkan(.index(index))
        case .vulkanName(let name): return try vulkan(.name(name))
        }
    }
}
