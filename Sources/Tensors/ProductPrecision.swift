/// How exactly a backend multiplies activations with weights.
public enum ProductPrecision: String, Codable, Sendable, CaseIterable {
    /// Activations as they are.
    case exact
    /// Activations may be rounded where that lets a device multiply faster. It permits, and does not oblige: a device that gains nothing multiplies
    /// exactly. With quantised weights, the CPU rounds to 16 bits in blocks of 32 (``RoundedActivations``) and multiplies integers, and so do GPUs
    /// that multiply bytes with up to 16 rows (8 beside tensor cores; any number where bits are not to depend on the batch), which both say in
    /// their ``Backend/precision``; tensor cores round f32 activations to f16, which the device says in its ``Backend/matrixInputs``.
    case fast
}
