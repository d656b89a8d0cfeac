import CPUBackend
import Tensors

extension ReferenceBackend {
    /// The elements of an f32 or f16 tensor.
    func readActivations(_ tensor: Tensor) throws -> [Float] {
        if tensor.dtype == .f32 { return try readFloats(tensor) }
        var halves = [Float16](repeating: 0, count: tensor.shape.count)
        try halves.withUnsafeMutableBytes { try read(tensor, into: $0) }
        return halves.map(Float.init)
    }

    /// Overwrites an f32 or f16 tensor, rounded to its type.
    func writeActivations(_ elements: [Float], to tensor: Tensor) throws {
        if tensor.dtype == .f32 {
            try write(elements, to: tensor)
        } else {
            try write(elements.map { Float16($0) }, to: tensor)
        }
    }
}
