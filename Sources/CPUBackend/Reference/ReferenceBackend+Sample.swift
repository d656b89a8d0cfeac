import Tensors

extension ReferenceBackend {
    public func sample(_ operation: SampleOperation) throws {
        let name = "sample"
        let (rows, count) = (operation.x.shape[0], operation.x.shape[1])
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let uniforms = try operation.uniforms.hostFloats(name)
        let output = try operation.output.hostIntegers(name)
        let options = operation.options
        for row in 0..<rows {
            let logits = (0..<count).map { x[row * count + $0].isNaN ? -Float.infinity : x[row * count + $0] }
            let largest = logits.max()!
            // Most probable first, of equal ones the lower index.
            let order = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }.prefix(options.topK ?? count)
            let weights = order.map {
                UInt64(SampleWeight.weight(logits[$0], largest: largest, inverseTemperature: 1 / options.temperature))
            }
            // At least 1, so that the first is kept.
            let wanted = max(1, SampleWeight.share(of: weights.reduce(0, +), SampleWeight.fraction(options.topP)))
            var kept: [(token: Int, weight: UInt64)] = []
            var mass: UInt64 = 0
            for (token, weight) in zip(order, weights) where mass < wanted {
                kept.append((token, weight))
                mass += weight
            }
            var rest = SampleWeight.share(of: mass, min(SampleWeight.fraction(uniforms[row]), 1 << 24 - 1))
            for (token, weight) in kept.sorted(by: { $0.token < $1.token }) {
                if rest < weight {
                    output[row] = Int32(token)
                    break
                }
                rest -= weight
            }
        }
        try operands.finish()
    }
}
