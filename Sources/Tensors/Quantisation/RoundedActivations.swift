/// Activations rounded to 16 bits, as ``ProductPrecision/fast`` multiplies them with quantised weights.
///
/// Each 32 elements of a row share a scale d = max|x| / 32512 and become integers q = x · (32512 / max|x|), to the nearest, ties to even;
/// d·q stands for x. Every step is one f32 operation, so that any device finds the same integers. An integer is 255·high + low with two bytes
/// of at most 127 in magnitude, for devices that multiply bytes. Elements err by at most d/2, that is max|x| / 65024. Where all 32 are below 2⁻¹⁰⁰ in magnitude, they count as zeros; where one is infinite or NaN, all stand for NaN.
package enum RoundedActivations {
    /// The elements that share a scale.
    package static let blockElements = 32
    /// The largest integer: 255·127 + 127.
    private static let largestInteger: Float = 32512
    /// Blocks of smaller numbers count as zeros.
    package static let smallest: Float = 0x1p-100

    /// What one block stands for.
    /// - Parameter x: ``blockElements`` numbers.
    package static func round(_ x: UnsafeBufferPointer<Float>, into values: UnsafeMutablePointer<Double>) {
        // The larger of a number and NaN is the number: what is not finite is looked for on its own.
        let largest = x.reduce(0) { max($0, abs($1)) }
        guard x.allSatisfy(\.isFinite) else { return values.update(repeating: .nan, count: x.count) }
        guard largest >= smallest else { return values.update(repeating: 0, count: x.count) }
        let (scale, inverse) = (largest / largestInteger, largestInteger / largest)
        for index in x.indices {
            let integer = (x[index] * inverse).rounded(.toNearestOrEven)
            values[index] = Double(scale) * Double(integer)
        }
    }

    /// A bound on the distance between what an element of a block stands for and the element.
    ///
    /// With u = 2⁻²⁴, n = 32512 and m = max|x|: q differs from the real x·n/m by ½ and, through two roundings, by 2u·n; the scale by u of
    /// itself. So |d·q − x| ≤ (m/n)(½ + 2u·n) + u·m = m/2n · (1 + 6u·n) < m/65024 · (1 + 2⁻⁶).
    package static func largestError(ofBlock x: some Collection<Float>) -> Double {
        let largest = Double(x.reduce(0) { max($0, abs($1)) })
        return largest < Double(smallest) ? largest : largest / (2 * Double(largestInteger)) * (1 + 0x1p-6)
    }
}
