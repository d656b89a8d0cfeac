/// The precision in which a backend multiplies matrices. Sums are f32, or wider, in all of them.
public enum MatrixInputs: String, Codable, Sendable, CaseIterable {
    /// f32 products, whatever the types of the tensors.
    case single
    /// f16 activations meet weights rounded to f16 (and attention rounds its weights so); f32 activations have f32 products. What a
    /// device with tensor cores does by itself.
    case activations
    /// f32 activations are rounded to f16, too: faster on tensor cores, for 11 bits of precision and numbers up to 65504 only.
    case half
}
