import Foundations

/// A hash that tells one model's weights from another's: over extents and norm gains, which every quantisation of a model keeps in full
/// precision.
struct Fingerprint {
    private var hash = FNVHash()

    mutating func add(_ numbers: [Int]) { numbers.withUnsafeBytes { hash.add($0) } }
    mutating func add(_ numbers: [Float]) { numbers.withUnsafeBytes { hash.add($0) } }

    /// Sixteen hexadecimal digits.
    var text: String { hash.text }
}
