import CPUBackend
import Foundation
import Tensors
import VulkanBackend
import VulkanRuntime

/// The device that tests run on: the one whose index `MONGE_TEST_DEVICE` gives, else the first that can be used. Without a GPU that is
/// the software driver of mesa-vulkan-drivers.
enum TestBackend {
    static func report() throws -> DeviceReport {
        let reports = try VulkanSystem.reports()
        let index = ProcessInfo.processInfo.environment["MONGE_TEST_DEVICE"].flatMap(Int.init)
        let chosen = try VulkanSystem.choose(.index(index ?? reports.first { $0.refusals.isEmpty }?.index ?? 0), from: reports)
        return reports[chosen]
    }

    /// The layouts of kernels that the device can run.
    static func families() throws -> [KernelFamily] {
        try KernelFamily.allCases.filter { try $0.runs(on: report()) }
    }

    /// A backend with checked shaders under the validation layer.
    static func make(
        family: KernelFamily? = nil, matrix: MatrixOptions = MatrixOptions(), memoryLimit: Int? = nil, cacheFolder: URL? = nil,
        isChecked: Bool = true
    ) throws -> VulkanBackend {
        var options = DeviceOptions()
        options.checked = isChecked
        options.validation = true
        options.memoryLimit = memoryLimit
        options.pipelineCacheFolder = cacheFolder
        return try VulkanBackend(device: Device(index: report().index, options: options), family: family, matrix: matrix)
    }
}

/// Everything that computes: the reference, the kernels of every instruction set, every layout of kernels on Vulkan.
func everyPath() throws -> [any Backend] {
    try [ReferenceBackend()] + InstructionSet.allCases.filter(\.isAvailable).map { try CPUBackend(threads: 2, instructions: $0) }
        + TestBackend.families().map { try TestBackend.make(family: $0) }
}

/// The bits of an f32 tensor, in which −0 is not 0 and NaN is itself.
func bits(_ tensor: Tensor, on backend: VulkanBackend) throws -> [UInt32] {
    try backend.readFloats(tensor).map(\.bitPattern)
}
