import Tensors
import VulkanRuntime

/// Products with activations rounded to 16 bits (linear/rounded.glsl).
extension VulkanBackend {
    /// Whether dot products of bytes gain anything: where the device has instructions for them. A software device has none, and runs the kernels
    /// where it is told to lay them out as a graphics processor does, so that they can be checked.
    package static func multipliesBytes(_ report: DeviceReport) -> Bool {
        report.features.contains(.shaderIntegerDotProduct)
            && (report.isSoftware || report.features.contains(.integerDotProduct4x8BitPackedSignedAccelerated))
    }

    /// Few rows, which are bound by the instructions for a weight: as many as go over the weights with none of them on tensor cores, in whole
    /// pairs of chunks; any number where rows are not to depend on others.
    public func roundsActivations(rows: Int, channels: Int, weight: DType) -> Bool {
        let most = isBatchInvariant ? Int.max : matrices.isEmpty ? LinearKernel.mostMatvecRows : LinearKernel.fewRows
        return precision == .fast && weight.isQuantised && rows <= most && channels % 64 == 0
    }
}
