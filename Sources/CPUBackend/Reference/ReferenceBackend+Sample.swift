import Tensors

extension ReferenceBackend {
    public func sample(_ operation: SampleOperation) throws {
        let name = "sample"
        let (rows, count) = (operation.x.shape[0], operation.x.shape[1])
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let output = try operation.output.hostIntegers(name)
        for row in 0..<rows {
            let options = try SampleRow(operation, row: row)
            var logits = (0..<count).map { x[row * count + $0] }
            logits.withUnsafeMutableBufferPointer { options.penalise($0) }
            let token = Self.token(logits, options)
            output[row] = token
            options.note(token)
        }
        try operands.finish()
    }

    private static func token(_ logits: [Float], _ options: SampleRow) -> Int32 {
        guard logits.allSatisfy({ $0 < .infinity }), let largest = logits.max(), largest > -.infinity else { return -1 }
        // Most probable first, of equal ones the lower index.
        let order = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }.prefix(options.isGreedy ? 1 : options.kept)
        let inverse = options.isGreedy ? 1 : options.inverseTemperature
        let weights = order.map { UInt64(SampleWeight.weight(logits[$0], largest: largest, inverseTemperature: inverse)) }
        // At least 1, so that the first is kept.
        let wanted = max(1, SampleWeight.share(of: weights.reduce(0, +), SampleWeight.fraction(options.topP)))
        var kept: [(token: Int, weight: UInt64)] = []
        var mass: UInt64 = 0
        for (token, weight) in zip(order, weights) where mass < wanted {
            kept.append((token, weight))
            mass += weight
        }
        var rest = SampleWeight.share(of: mass, min(SampleWeight.fraction(options.uniform), 1 << 24 - 1))
        for (token, weight) in kept.sorted(by: { $0.token < $1.token }) {
            if rest < weight { return Int32(token) }
            rest -= weight
        }
        preconditionFailure("the number lies below the kept weight")
    }
}
