import Foundations
import Tensors

/// The random numbers of the cases: the same on every machine for the same seed.
public struct CheckGenerator: RandomNumberGenerator {
    private var generator: SeededGenerator

    public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// The generator of one case: a case is reproduced without those before it.
    init(seed: UInt64, operation: String, caseIndex: Int) {
        // Operations draw different numbers under one seed.
        var mixer = CheckGenerator(seed: seed ^ FNVHash(operation.utf8).value)
        self.init(seed: mixer.next() &+ UInt64(caseIndex) &* 0xd134_2543_de82_ef95)
    }

    public mutating func next() -> UInt64 { generator.next() }

    /// A number in `0 ..< 1`.
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func integer(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[integer(in: 0...choices.count - 1)] }

    mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

    /// An approximately normal number: the sum of twelve uniform numbers has variance 1 (Irwin–Hall), and needs no library
    /// function that could differ between machines.
    mutating func normal() -> Double {
        var sum = 0.0
        for _ in 0..<3 {
            var bits = next()
            for _ in 0..<4 {
                sum += (Double(bits & 0xFFFF) + 0.5) * 0x1p-16
                bits >>= 16
            }
        }
        return sum - 6
    }

    package mutating func normals(_ count: Int, mean: Double = 0, deviation: Double = 1) -> [Float] {
        (0..<count).map { _ in Float(mean + deviation * normal()) }
    }

    /// The numbers `0 ..< count` in random order.
    mutating func permutation(_ count: Int) -> [Int] { Array(0..<count).shuffled(using: &self) }

    /// An extent around the sizes of tiles, vectors and workgroups: powers of two, their neighbours, and the smallest.
    mutating func extent(atMost limit: Int) -> Int {
        let sizes = [
            1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 96, 100, 127, 128, 129, 192, 255, 256, 257, 320, 511, 513,
        ]
        return pick(sizes.filter { $0 <= limit })
    }
}

extension Float {
    /// The number times a power of two.
    fileprivate func scaled(by exponent: Int) -> Float { self * Float(sign: .plus, exponent: exponent, significand: 1) }
}

/// The magnitudes of the elements of an input.
enum ValueRange: CaseIterable {
    /// Around 1, as activations after a norm are.
    case ordinary
    /// Exponents over 24 binades, as activations with outlier channels are.
    case wide
    /// Ordinary, with zeros of both signs, denormal and large numbers among them.
    case special
}

extension CheckGenerator {
    /// The type of the activations of a case: f16 in one of three.
    mutating func activationType() -> DType { chance(0.34) ? .f16 : .f32 }

    /// The types of an operand, of what is added to the result, and of the result: one for all in most cases.
    mutating func activationTypes() -> (operand: DType, residual: DType, result: DType) {
        let one = activationType()
        if chance(0.6) { return (one, one, one) }
        return (one, chance(0.5) ? .f16 : .f32, chance(0.5) ? .f16 : .f32)
    }

    /// Values that a type has: as they are for f32, rounded for f16.
    /// - Parameter result: The type of what is made of them; nil for the same. Where either is f16, values are no larger than 4096, so that
    ///   small sums of products stay in range.
    mutating func values(_ count: Int, _ range: ValueRange, _ dtype: DType, to result: DType? = nil) -> [Float] {
        let values = values(count, range)
        if dtype == .f32 && result ?? dtype == .f32 { return values }
        return values.map { value in
            // Half the exponent for the wide range, whose 24 binades an f16 number has not.
            let narrowed = range == .wide && value != 0 ? value.scaled(by: -Int(value.exponent) / 2) : value
            let limited = max(-4096, min(4096, narrowed))
            return dtype == .f16 ? Float(Float16(limited)) : limited
        }
    }

    /// Normal numbers that a type has.
    mutating func normals(_ count: Int, mean: Double = 0, deviation: Double = 1, _ dtype: DType) -> [Float] {
        let values = normals(count, mean: mean, deviation: deviation)
        return dtype == .f32 ? values : values.map { Float(Float16($0)) }
    }

    mutating func values(_ count: Int, _ range: ValueRange) -> [Float] {
        switch range {
        case .ordinary: return normals(count)
        case .wide: return (0..<count).map { _ in Float(normal()) * Float(sign: .plus, exponent: integer(in: -12...12), significand: 1) }
        case .special:
            let specials: [Float] = [0, -0.0, 0x1p-133, -0x1p-138, .leastNonzeroMagnitude, .leastNormalMagnitude, 6e4, -1e6]
            return (0..<count).map { _ in chance(0.1) ? pick(specials) : Float(normal()) }
        }
    }
}
