import VulkanRuntime

/// The shaders of this module, compiled for a device as they are asked for.
final class KernelLibrary {
    private static let shaders = ShaderLibrary(CompiledShaders.all)

    private let device: Device

    init(_ device: Device) { self.device = device }

    /// - Parameters:
    ///   - name: Family, shader and variant: `linear/matvec-q4_0`.
    ///   - groupSize: Invocations in a work-group along x and y.
    ///   - constants: Specialization constants from 3 on.
    func pipeline(_ name: String, groupSize: (Int, Int), constants: [UInt32]) throws -> Pipeline {
        let code = try Self.shaders.code(device.isChecked ? name + "+checked" : name)
        return try device.pipeline(
            code, specialization: [UInt32(groupSize.0), UInt32(groupSize.1), 1] + constants, subgroupSize: device.report.limits.subgroupSize
        )
    }
}
