import Tensors

extension CPUBackend {
    public func upsample(_ operation: UpsampleOperation) throws {
        switch operation.interpolation {
        case .nearest: try nearest(operation)
        case .bilinear(let alignCorners): try bilinear(operation, alignCorners: alignCorners)
        }
    }

    private func nearest(_ operation: UpsampleOperation) throws {
        let name = "upsample"
        let x = try operation.x.hostPointer(name)
        let output = try operation.output.hostPointer(name)
        let (from, to) = (operation.x.shape, operation.output.shape)
        let pixelBytes = from[3] * operation.x.dtype.blockBytes
        func sources(_ axis: Int) -> [Int] {
            let scale = UpsampleOperation.scale(extent: from[axis], outputExtent: to[axis])
            return (0..<to[axis]).map { UpsampleOperation.nearest($0, extent: from[axis], scale: scale) }
        }
        let (rows, columns) = (sources(1), sources(2))
        workers.ranges(to[0] * to[1], cost: to[2] * from[3]) { range, _ in
            for line in range {
                let (batch, row) = line.quotientAndRemainder(dividingBy: to[1])
                let source = x + (batch * from[1] + rows[row]) * from[2] * pixelBytes
                let values = output + line * to[2] * pixelBytes
                for column in 0..<to[2] {
                    (values + column * pixelBytes).copyMemory(from: source + columns[column] * pixelBytes, byteCount: pixelBytes)
                }
            }
        }
    }

    private func bilinear(_ operation: UpsampleOperation, alignCorners: Bool) throws {
        var operands = FloatOperands(memory, "upsample")
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        let (from, to) = (operation.x.shape, operation.output.shape)
        let channels = from[3]
        func sources(_ axis: Int) -> [(first: Int, second: Int, weight: Float)] {
            (0..<to[axis]).map { index in
                let place = UpsampleOperation.place(index, extent: from[axis], outputExtent: to[axis], alignCorners: alignCorners)
                let (first, rest) = place.numerator.quotientAndRemainder(dividingBy: place.denominator)
                // A second pixel of weight 0 is not looked at: it may be infinite.
                return (first, rest == 0 ? first : min(first + 1, from[axis] - 1), Float(rest) / Float(place.denominator))
            }
        }
        let (rows, columns) = (sources(1), sources(2))
        workers.ranges(to[0] * to[1], cost: 4 * to[2] * channels) { range, _ in
            for line in range {
                let (batch, row) = line.quotientAndRemainder(dividingBy: to[1])
                let (first, second, weight) = rows[row]
                let upper = x + (batch * from[1] + first) * from[2] * channels
                let lower = x + (batch * from[1] + second) * from[2] * channels
                for column in 0..<to[2] {
                    let (left, right, share) = columns[column]
                    let (a, b) = (upper + left * channels, upper + right * channels)
                    let (c, d) = (lower + left * channels, lower + right * channels)
                    let values = output + (line * to[2] + column) * channels
                    for channel in 0..<channels {
                        let above = share == 0 ? a[channel] : (1 - share) * a[channel] + share * b[channel]
                        let below = share == 0 ? c[channel] : (1 - share) * c[channel] + share * d[channel]
                        values[channel] = weight == 0 ? above : (1 - weight) * above + weight * below
                    }
                }
            }
        }
        try operands.finish()
    }
}
