import CSimd
import Tensors

extension CPUBackend {
    public func sample(_ operation: SampleOperation) throws {
        // What it reads is kept whole: it is one of the last operations, and rows of logits are wanted longer than a step anyway.
        try perform { [self] in try sampled(operation) }
    }

    private func sampled(_ operation: SampleOperation) throws {
        let name = "sample"
        let (rows, count) = (operation.x.shape[0], operation.x.shape[1])
        var operands = operands(name)
        let x = try operands.input(operation.x)
        let output = try operation.output.hostIntegers(name)
        let options = try (0..<rows).map { try SampleRow(operation, row: $0) }
        let scratch = try threadScratch.take(options.contains(where: \.hasPenalty) ? count : 0)
        workers.ranges(rows, cost: 16 * count) { range, thread in
            for row in range {
                var logits = UnsafeBufferPointer(start: x + row * count, count: count)
                if options[row].hasPenalty {
                    let copy = UnsafeMutableBufferPointer(start: scratch[thread], count: count)
                    _ = copy.update(from: logits)
                    options[row].penalise(copy)
                    logits = UnsafeBufferPointer(copy)
                }
                let token = chosen(logits, options[row])
                output[row] = token
                options[row].note(token)
            }
        }
        try operands.finish()
    }

    private func chosen(_ logits: UnsafeBufferPointer<Float>, _ options: SampleRow) -> Int32 {
        // Counted rather than searched for, so that the loop runs over whole vectors. NaN is not less than ∞ either.
        guard logits.reduce(0, { $0 &+ ($1 < .infinity ? 0 : 1) }) == 0 else { return -1 }
        let best = kernels.pointee.argmax(logits.baseAddress!, logits.count)
        guard logits[best] > -.infinity else { return -1 }
        return options.isGreedy ? Int32(best) : Int32(Draw(logits, largest: logits[best], options).token(for: options.uniform))
    }
}

/// The weights of a row, and which of them are kept.
private struct Draw {
    private let logits: UnsafeBufferPointer<Float>
    private let weights: [UInt32]
    /// The smallest key that is kept, and how many tokens that have it are.
    private var threshold: UInt32 = 0
    private var equals = Int.max
    /// The weight of what is kept.
    private var mass: UInt64

    init(_ logits: UnsafeBufferPointer<Float>, largest: Float, _ options: SampleRow) {
        self.logits = logits
        let inverse = options.inverseTemperature
        weights = logits.map { SampleWeight.weight($0, largest: largest, inverseTemperature: inverse) }
        mass = weights.reduce(0) { $0 + UInt64($1) }
        if options.kept < logits.count {
            cut { count, _ in
                count >= options.kept
            } equals: { above, _ in
                options.kept - above.count
            }
        }
        if options.topP < 1 {
            let wanted = max(1, SampleWeight.share(of: mass, SampleWeight.fraction(options.topP)))
            cut { _, mass in
                mass >= wanted
            } equals: { above, weight in
                Int((wanted - above.mass + weight - 1) / weight)
            }
        }
    }

    /// Finds the largest key at or above which there is enough, digit by digit from the highest, and how many of it are needed.
    private mutating func cut(
        _ isEnough: (_ count: Int, _ mass: UInt64) -> Bool, equals needed: (_ above: (count: Int, mass: UInt64), _ weight: UInt64) -> Int
    ) {
        var prefix: UInt32 = 0
        // What lies above the keys that begin with the prefix.
        var above = (count: 0, mass: 0 as UInt64)
        var weight: UInt64 = 0
        for shift in [24, 16, 8, 0] as [UInt32] {
            var digits = [(count: Int, mass: UInt64)](repeating: (0, 0), count: 256)
            for (index, logit) in logits.enumerated() {
                let key = Self.key(logit)
                guard shift == 24 || key >> (shift + 8) == prefix else { continue }
                digits[Int(key >> shift & 255)].count += 1
                digits[Int(key >> shift & 255)].mass += UInt64(weights[index])
            }
            var digit = 255
            while digit > 0, !isEnough(above.count + digits[digit].count, above.mass + digits[digit].mass) {
                above.count += digits[digit].count
                above.mass += digits[digit].mass
                digit -= 1
            }
            prefix = prefix << 8 | UInt32(digit)
            if shift == 0 { weight = digits[digit].count == 0 ? 0 : digits[digit].mass / UInt64(digits[digit].count) }
        }
        threshold = prefix
        equals = needed(above, weight)
        mass = above.mass + UInt64(equals) * weight
    }

    /// The token in whose part of the kept weight a number lies.
    func token(for uniform: Float) -> Int {
        var rest = SampleWeight.share(of: mass, min(SampleWeight.fraction(uniform), 1 << 24 - 1))
        var equals = self.equals
        for (index, weight) in weights.enumerated() {
            let key = Self.key(logits[index])
            if key < threshold { continue }
            if key == threshold {
                if equals == 0 { continue }
                equals -= 1
            }
            if rest < weight { return index }
            rest -= UInt64(weight)
        }
        preconditionFailure("the number lies below the kept weight")
    }

    /// An unsigned number in the order of the logits; zeros of both signs are equal.
    private static func key(_ x: Float) -> UInt32 {
        let bits = (x == 0 ? 0 : x).bitPattern
        return bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
    }
}
