import Tensors
import VulkanRuntime

/// The shaders of this module, compiled for a device as they are asked for.
final class KernelLibrary {
    private static let shaders = ShaderLibrary(CompiledShaders.all)

    private let device: Device
    /// Kernels that run in the place of others.
    private let kernelSubstitutes: [String: String]

    init(_ device: Device, kernelSubstitutes: [String: String] = [:]) {
        self.device = device
        self.kernelSubstitutes = kernelSubstitutes
    }

    /// The build of a kernel that the device runs; checked builds are compiled from the sources of this package only, so that what is
    /// compiled ahead has none.
    func code(_ name: String) throws -> ShaderCode {
        let name = kernelSubstitutes[name] ?? name
        return try Self.shaders.code(device.isChecked ? name + "+checked" : name)
    }

    func has(_ name: String) -> Bool { (try? code(name)) != nil }

    /// - Parameters:
    ///   - name: Family, shader and variant: `linear/matvec-q4_0`.
    ///   - groupSize: Invocations in a work-group along x and y.
    ///   - types: Those of the activations.
    ///   - constants: Specialization constants from 4 on.
    ///   - usesFullSubgroups: Whether every subgroup must have all its lanes.
    func pipeline(
        _ name: String, groupSize: (Int, Int), types: ActivationTypes, constants: [UInt32], usesFullSubgroups: Bool = false
    ) throws -> Pipeline {
        let code = try code(name)
        let common = [UInt32(groupSize.0), UInt32(groupSize.1), 1, types.bits]
        return try device.pipeline(
            code, specialization: common + constants, subgroupSize: DeviceClass.subgroupSize(device.report),
            usesFullSubgroups: usesFullSubgroups)
    }
}
