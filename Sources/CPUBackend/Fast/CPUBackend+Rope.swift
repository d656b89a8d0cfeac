import CSimd
import Tensors

extension CPUBackend {
    public func rope(_ operation: RopeOperation) throws {
        let name = "rope"
        let shape = operation.x.shape
        let (rows, heads, channels) = (shape[0], shape[1], shape[2])
        let pairs = operation.dimensions / 2
        let x = try operation.x.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let positions = UnsafeBufferPointer(start: try operation.positions.hostIntegers(name), count: rows)
        let factors = UnsafeBufferPointer(
            start: try operation.frequencyFactors?.hostFloats(name), count: operation.frequencyFactors == nil ? 0 : pairs)
        angles.withAngles(positions: positions, factors: factors, dimensions: operation.dimensions, base: operation.base) {
            cosines, sines in
            workers.ranges(rows, cost: 2 * heads * channels) { range, _ in
                for row in range {
                    for head in row * heads..<(row + 1) * heads {
                        kernels.pointee.rope(
                            x + head * channels, cosines + row * pairs, sines + row * pairs, pairs, channels,
                            operation.layout == .interleaved, output + head * channels)
                    }
                }
            }
        }
    }
}
