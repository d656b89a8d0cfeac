import VulkanBackend
import VulkanRuntime

/// A backend on the first Vulkan device of this machine that can be used, with checked shaders under the validation layer.
///
/// Tests need a device: without a GPU, the software driver of mesa-vulkan-drivers.
func makeBackend(family: KernelFamily, memoryLimit: Int? = nil) throws -> VulkanBackend {
    let reports = try VulkanSystem.reports()
    guard let report = reports.first(where: { $0.refusals.isEmpty }) else {
        throw VulkanError.noDevice(reports.map { DeviceRefusal(index: $0.index, name: $0.name, reasons: $0.refusals) })
    }
    var options = DeviceOptions()
    options.checked = true
    options.validation = true
    options.memoryLimit = memoryLimit
    options.pipelineCacheFolder = nil
    return try VulkanBackend(device: Device(index: report.index, options: options), family: family)
}
