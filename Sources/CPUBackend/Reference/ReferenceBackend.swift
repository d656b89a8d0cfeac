import Tensors

/// Every operation as a plain function that accumulates in Float64: what each kernel of every other backend must equal.
///
/// It favours clarity over speed. Results are rounded to f32 once, at the end (a transport acts on the rounded value, as it does
/// when it runs on its own, so that whether x lies in the support does not depend on digits that no f32 has).
public final class ReferenceBackend: CPUMemoryBackend {
    public let name = "CPU reference"
    public let memory: CPUMemoryPool

    public init() { memory = CPUMemoryPool(device: name) }
}
