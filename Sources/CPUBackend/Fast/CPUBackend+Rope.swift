import Tensors

extension CPUBackend {
    public func rope(_ operation: RopeOperation) throws {
        let name = "rope"
        let pairs = operation.dimensions / 2
        let positions = UnsafeBufferPointer(start: try operation.positions.hostIntegers(name), count: operation.x.shape[0])
        let factors = UnsafeBufferPointer(
            start: try operation.frequencyFactors?.hostFloats(name), count: operation.frequencyFactors == nil ? 0 : pairs)
        try angles.withAngles(positions: positions, factors: factors, dimensions: operation.dimensions, base: operation.base) {
            try rotate(operation.x, operation.output, $0, $1, rows: positions.count, pairs: pairs, operation.layout, name)
        }
    }

    public func rotation(_ operation: RotationOperation) throws {
        let name = "rope"
        try rotate(
            operation.x, operation.output, operation.cosines.hostFloats(name), operation.sines.hostFloats(name),
            rows: operation.cosines.shape[0], pairs: operation.cosines.shape[1], operation.layout, name)
    }

    /// - Parameter rows: The rows of angles, which repeat.
    private func rotate(
        _ x: Tensor, _ output: Tensor, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>, rows: Int, pairs: Int,
        _ layout: RopeLayout, _ name: String
    ) throws {
        let (heads, channels) = (x.shape[1], x.shape[2])
        var operands = FloatOperands(memory, name, workers: workers)
        let values = try operands.input(x)
        let turned = try operands.output(output)
        workers.ranges(x.shape[0], cost: 2 * heads * channels) { range, _ in
            for row in range {
                let angles = row % rows * pairs
                for head in row * heads..<(row + 1) * heads {
                    kernels.pointee.rope(
                        values + head * channels, cosines + angles, sines + angles, pairs, channels, layout == .interleaved,
                        turned + head * channels)
                }
            }
        }
        try operands.finish()
    }
}
