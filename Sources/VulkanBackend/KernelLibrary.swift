import Tensors
import VulkanRuntime

/// The shaders of this module, compiled for a device as they are asked for.
final class KernelLibrary {
    private static let shaders = ShaderLibrary(CompiledShaders.all)

    private let device: Device

    init(_ device: Device) { self.device = device }

    /// - Parameters:
    ///   - name: Family, shader and variant: `linear/matvec-q4_0`.
    ///   - groupSize: Invocations in a work-group along x and y.
    ///   - activations: The type of the activations, f32 or f16.
    ///   - constants: Specialization constants from 4 on.
    func pipeline(_ name: String, groupSize: (Int, Int), activations: DType, constants: [UInt32]) throws -> Pipeline {
        let code = try Self.shaders.code(device.isChecked ? name + "+checked" : name)
        let common = [UInt32(groupSize.0), UInt32(groupSize.1), 1, activations == .f16 ? 1 : 0]
        return try device.pipeline(code, specialization: common + constants, subgroupSize: device.report.limits.subgroupSize)
    }
}
