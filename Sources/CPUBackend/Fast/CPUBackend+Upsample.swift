import Tensors

extension CPUBackend {
    public func upsample(_ operation: UpsampleOperation) throws {
        try requireRepetition()
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
        var operands = operands("upsample")
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        let (from, to) = (operation.x.shape, operation.output.shape)
        let channels = from[3]
        func sources(_ axis: Int) -> [Source] {
            (0..<to[axis]).map { index in
                let place = UpsampleOperation.place(index, extent: from[axis], outputExtent: to[axis], alignCorners: alignCorners)
                let (first, rest) = place.numerator.quotientAndRemainder(dividingBy: place.denominator)
                // A second pixel of weight 0 is not looked at: it may be infinite.
                return Source(
                    first: first, second: rest == 0 ? first : min(first + 1, from[axis] - 1),
                    firstWeight: Float(place.denominator - rest) / Float(place.denominator),
                    secondWeight: Float(rest) / Float(place.denominator))
            }
        }
        let (rows, columns) = (sources(1), sources(2))
        workers.ranges(to[0] * to[1], cost: 4 * to[2] * channels) { range, _ in
            for line in range {
                let (batch, row) = line.quotientAndRemainder(dividingBy: to[1])
                let lines = rows[row]
                let upper = x + (batch * from[1] + lines.first) * from[2] * channels
                let lower = x + (batch * from[1] + lines.second) * from[2] * channels
                for column in 0..<to[2] {
                    let pixels = columns[column]
                    let (a, b) = (upper + pixels.first * channels, upper + pixels.second * channels)
                    let (c, d) = (lower + pixels.first * channels, lower + pixels.second * channels)
                    let values = output + (line * to[2] + column) * channels
                    for channel in 0..<channels {
                        values[channel] = lines.mixed(
                            pixels.mixed(a[channel], b[channel]), pixels.mixed(c[channel], d[channel]))
                    }
                }
            }
        }
        try operands.finish()
    }
}

/// The two indices between which an index of the output lies along an axis.
private struct Source {
    let first, second: Int
    // Each a quotient of its own: the difference of the other from 1 would have lost digits where it is small.
    let firstWeight, secondWeight: Float

    /// The weighted mean; the first itself where the second has no weight.
    @inline(__always)
    func mixed(_ a: Float, _ b: Float) -> Float { secondWeight == 0 ? a : firstWeight * a + secondWeight * b }
}
