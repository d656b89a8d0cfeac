/// How exactly a backend multiplies activations with quantised weights.
public enum ProductPrecision: String, Codable, Sendable, CaseIterable {
    /// Activations as they are.
    case exact
    /// Activations may be rounded to 16 bits in blocks of 32 (``RoundedActivations``), so that a device can multiply integers. It permits, and
    /// does not oblige: a device that gains nothing multiplies exactly, and says so in its ``Backend/precision``.
    case fast
}
