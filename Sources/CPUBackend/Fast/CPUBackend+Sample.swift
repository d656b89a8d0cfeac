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
        // What a draw can choose, and changed logits.
        let candidateCount = Candidates.arrays * count
        let scratch = try threadScratch.take(candidateCount + (options.contains(where: \.hasPenalty) ? count : 0))
        workers.ranges(rows, cost: 16 * count) { range, thread in
            for row in range {
                var logits = UnsafeBufferPointer(start: x + row * count, count: count)
                if options[row].hasPenalty {
                    let copy = UnsafeMutableBufferPointer(start: scratch[thread] + candidateCount, count: count)
                    _ = copy.update(from: logits)
                    options[row].penalise(copy)
                    logits = UnsafeBufferPointer(copy)
                }
                let token = chosen(logits, options[row], scratch[thread])
                output[row] = token
                options[row].note(token)
            }
        }
        try operands.finish()
    }

    /// - Parameter scratch: For candidates.
    private func chosen(
        _ logits: UnsafeBufferPointer<Float>, _ options: SampleRow, _ scratch: UnsafeMutablePointer<Float>
    ) -> Int32 {
        // Counted rather than searched for, so that the loop runs over whole vectors. NaN is not less than ∞ either.
        guard logits.reduce(0, { $0 &+ ($1 < .infinity ? 0 : 1) }) == 0 else { return -1 }
        let best = kernels.pointee.argmax(logits.baseAddress!, logits.count)
        guard logits[best] > -.infinity else { return -1 }
        if options.isGreedy { return Int32(best) }
        var candidates = Candidates(room: scratch, of: logits.count)
        candidates.count = kernels.pointee.sample_weights(
            logits.baseAddress!, logits.count, logits[best], options.inverseTemperature, candidates.places, candidates.weights,
            candidates.keys)
        return Int32(Draw(candidates, options).token(for: options.uniform))
    }
}

/// The tokens that a draw can choose, in their order: all others weigh nothing, and are less likely than any of these.
private struct Candidates {
    let places: UnsafeMutablePointer<Int32>
    let weights: UnsafeMutablePointer<UInt32>
    /// In the order of the logits; zeros of both signs are equal.
    let keys: UnsafeMutablePointer<UInt32>
    var count = 0

    /// The arrays of as many elements as there are tokens.
    static let arrays = 3

    init(room: UnsafeMutablePointer<Float>, of tokens: Int) {
        let room = UnsafeMutableRawPointer(room)
        let bytes = tokens * MemoryLayout<UInt32>.stride
        places = room.bindMemory(to: Int32.self, capacity: tokens)
        weights = (room + bytes).bindMemory(to: UInt32.self, capacity: tokens)
        keys = (room + 2 * bytes).bindMemory(to: UInt32.self, capacity: tokens)
    }

    /// Leaves out those with smaller keys.
    mutating func drop(below threshold: UInt32) {
        var kept = 0
        for index in 0..<count {
            (places[kept], weights[kept], keys[kept]) = (places[index], weights[index], keys[index])
            kept += keys[index] < threshold ? 0 : 1
        }
        count = kept
    }
}

/// Which candidates of a row are kept.
private struct Draw {
    private var candidates: Candidates
    /// The smallest key that is kept, and how many candidates that have it are.
    private var threshold: UInt32 = 0
    private var equals = Int.max
    /// The weight of what is kept.
    private var mass: UInt64

    init(_ candidates: Candidates, _ options: SampleRow) {
        self.candidates = candidates
        mass = (0..<candidates.count).reduce(0) { $0 + UInt64(candidates.weights[$1]) }
        if options.kept < candidates.count {
            cut { count, _ in
                count >= options.kept
            } equals: { above, _ in
                options.kept - above.count
            }
            self.candidates.drop(below: threshold)
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
            for index in 0..<candidates.count {
                let key = candidates.keys[index]
                guard shift == 24 || key >> (shift + 8) == prefix else { continue }
                digits[Int(key >> shift & 255)].count += 1
                digits[Int(key >> shift & 255)].mass += UInt64(candidates.weights[index])
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
        for index in 0..<candidates.count {
            let (key, weight) = (candidates.keys[index], candidates.weights[index])
            if key < threshold { continue }
            if key == threshold {
                if equals == 0 { continue }
                equals -= 1
            }
            if rest < weight { return Int(candidates.places[index]) }
            rest -= UInt64(weight)
        }
        preconditionFailure("the number lies below the kept weight")
    }
}
