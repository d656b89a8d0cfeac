import CVulkan

/// What can go wrong between the program and a Vulkan device. Each case prints as one sentence that says what, where and what to do.
public enum VulkanError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The Vulkan loader cannot be opened.
    case loaderMissing(library: String, reason: String)
    /// An instance layer that was asked for is not installed.
    case layerMissing(name: String)
    /// No device fits the request; each candidate with the reasons why not.
    case noDevice([DeviceRefusal])
    /// The device lacks something the caller needs.
    case unsupported(feature: String, device: String)
    /// Device memory ran out. `requested` is the size of the buffer, `inUse` what buffers hold, `allocated` what the driver has given,
    /// `budget` what this process may have; all in bytes.
    case outOfMemory(device: String, requested: Int, inUse: Int, allocated: Int, budget: Int)
    /// The driver had no memory for something of its own, or for the runtime's.
    case memoryRefused(device: String, function: String, code: Int32)
    /// A buffer larger than the device can address as one.
    case bufferTooLarge(device: String, requested: Int, largest: Int)
    /// The device stopped answering. `kernels` are those that were under way, oldest first, each with what it was for.
    case deviceLost(device: String, kernels: [String])
    /// A Vulkan function failed in a way that has no better name.
    case callFailed(function: String, code: Int32)
    /// There is no such kernel in the library of shaders.
    case kernelMissing(name: String)
    /// A work group or grid that the device cannot run.
    case invalidDispatch(kernel: String, reason: String)
    /// Something that cannot be recorded, or a recording that cannot be replayed.
    case invalidRecording(reason: String)
    /// In checked mode: a kernel used an index beyond the end of its buffer. `length` is how many elements the argument holds.
    case outOfBounds(kernel: String, argument: Int, index: Int, length: Int)

    public var description: String {
        switch self {
        case .loaderMissing(let library, let reason):
            "The Vulkan loader \(library) cannot be opened (\(reason)); install libvulkan1 and a driver, or use the CPU."
        case .layerMissing(let name):
            "The Vulkan layer \(name) is not installed; install vulkan-validationlayers or run without validation."
        case .noDevice(let refusals):
            refusals.isEmpty
                ? "Vulkan finds no device; install a driver, or use the CPU."
                : "No Vulkan device can be used: " + refusals.map(\.description).joined(separator: "; ") + "."
        case .unsupported(let feature, let device):
            "\(device) does not support \(feature), which is needed here; use another device or the CPU."
        case .outOfMemory(let device, let requested, let inUse, let allocated, let budget):
            "\(device) is out of memory: a buffer of \(bytes(requested)) was asked for while buffers hold \(bytes(inUse)), "
                + "\(bytes(allocated)) are allocated and the budget is \(bytes(budget)); use a smaller batch, context or model."
        case .bufferTooLarge(let device, let requested, let largest):
            "\(device) has no buffers of \(bytes(requested)), only of up to \(bytes(largest)); split the tensor."
        case .memoryRefused(let device, let function, let code):
            "\(device) is out of memory: \(function) failed with \(resultName(code)); use a smaller batch, context or model."
        case .deviceLost(let device, let kernels):
            "\(device) was lost \(Self.circumstances(ofLossWith: kernels))."
        case .callFailed(let function, let code):
            "\(function) failed with \(resultName(code))."
        case .kernelMissing(let name):
            "There is no shader named \(name) in this build."
        case .invalidDispatch(let kernel, let reason):
            "The kernel \(kernel) cannot be dispatched: \(reason)."
        case .invalidRecording(let reason):
            "The recording is not possible: \(reason)."
        case .outOfBounds(let kernel, let argument, let index, let length):
            "The kernel \(kernel) used index \(index) of its buffer argument \(argument), which has \(length) elements."
        }
    }
}

extension VulkanError {
    /// The most kernels that a sentence names.
    private static let mostNamed = 8

    /// How a device was lost, and what to do.
    package static func circumstances(ofLossWith kernels: [String]) -> String {
        let more = kernels.count > mostNamed ? " and \(kernels.count - mostNamed) more" : ""
        let work =
            kernels.isEmpty ? "with no kernel under way" : "while running " + kernels.prefix(mostNamed).joined(separator: "; ") + more
        return work + "; restart the program and look at the driver's log"
    }
}

/// A number of bytes for a person: `1.5 GiB`, `512 bytes`.
private func bytes(_ count: Int) -> String {
    for (size, unit) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] where count >= size {
        let tenths = (Double(count) / Double(size) * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int(tenths)) \(unit)" : "\(tenths) \(unit)"
    }
    return "\(count) bytes"
}

/// The specification's name of a result code that the runtime meets.
private func resultName(_ code: Int32) -> String {
    let names: [VkResult: String] = [
        VK_NOT_READY: "VK_NOT_READY", VK_TIMEOUT: "VK_TIMEOUT", VK_INCOMPLETE: "VK_INCOMPLETE",
        VK_ERROR_OUT_OF_HOST_MEMORY: "VK_ERROR_OUT_OF_HOST_MEMORY", VK_ERROR_OUT_OF_DEVICE_MEMORY: "VK_ERROR_OUT_OF_DEVICE_MEMORY",
        VK_ERROR_INITIALIZATION_FAILED: "VK_ERROR_INITIALIZATION_FAILED", VK_ERROR_DEVICE_LOST: "VK_ERROR_DEVICE_LOST",
        VK_ERROR_MEMORY_MAP_FAILED: "VK_ERROR_MEMORY_MAP_FAILED", VK_ERROR_LAYER_NOT_PRESENT: "VK_ERROR_LAYER_NOT_PRESENT",
        VK_ERROR_EXTENSION_NOT_PRESENT: "VK_ERROR_EXTENSION_NOT_PRESENT", VK_ERROR_FEATURE_NOT_PRESENT: "VK_ERROR_FEATURE_NOT_PRESENT",
        VK_ERROR_INCOMPATIBLE_DRIVER: "VK_ERROR_INCOMPATIBLE_DRIVER", VK_ERROR_TOO_MANY_OBJECTS: "VK_ERROR_TOO_MANY_OBJECTS",
        VK_ERROR_INVALID_SHADER_NV: "VK_ERROR_INVALID_SHADER_NV", VK_ERROR_UNKNOWN: "VK_ERROR_UNKNOWN",
    ]
    return names[VkResult(code)] ?? "VkResult \(code)"
}

extension VkResult: @retroactive Hashable {}

/// Throws unless a call succeeded.
func check(_ result: VkResult, _ function: String) throws(VulkanError) {
    guard result == VK_SUCCESS else { throw VulkanError.callFailed(function: function, code: result.rawValue) }
}
