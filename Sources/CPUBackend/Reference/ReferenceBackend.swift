import Tensors

/// Every operation as a plain function that accumulates in Float64: what each kernel of every other backend must equal.
///
/// It favours clarity over speed. Results are rounded to f32 once, at the end (a transport acts on the rounded value, as it does
/// when it runs on its own, so that whether x lies in the support does not depend on digits that no f32 has).
public final class ReferenceBackend: CPUMemoryBackend {
    public let name: String
    public let memory: CPUMemoryPool
    /// With ``ProductPrecision/fast`` activations are rounded as ``RoundedActivations`` says, and then multiplied in Float64.
    public let precision: ProductPrecision

    public init(precision: ProductPrecision = .exact) {
        name = precision == .fast ? "CPU reference, activations rounded" : "CPU reference"
        memory = CPUMemoryPool(device: name)
        self.precision = precision
    }
}
