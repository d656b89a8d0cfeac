import Tensors

extension ReferenceBackend {
    public func linear(_ operation: LinearOperation) throws {
        let name = "linear"
        let (rows, inputs, outputs) = (operation.rows, operation.inputChannels, operation.outputChannels)
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let weight = UnsafeRawPointer(try operation.weight.hostPointer(name))
        let weightType = operation.weight.dtype
        let rowBytes = weightType.byteCount(elements: inputs)!
        let bias = try operation.bias?.hostFloats(name)
        let transport = try operation.transport.map { try ReferenceTransport($0, on: operation.output.shape, name) }
        let residual = try operation.residual.map { try operands.input($0) }
        let output = try operands.output(operation.output)

        // Every weight row meets every row of x: both are widened once.
        let wideX = UnsafeMutablePointer<Double>.allocate(capacity: rows * inputs)
        defer { wideX.deallocate() }
        if precision == .fast, weightType.isQuantised {
            // Rows of quantised weights are whole blocks of 32, or of 256.
            for first in stride(from: 0, to: rows * inputs, by: RoundedActivations.blockElements) {
                RoundedActivations.round(
                    UnsafeBufferPointer(start: x + first, count: RoundedActivations.blockElements), into: wideX + first)
            }
        } else {
            for index in 0..<rows * inputs { wideX[index] = Double(x[index]) }
        }

        concurrentRanges(outputs, cost: (rows + 1) * inputs) { range in
            let narrow = UnsafeMutablePointer<Float>.allocate(capacity: inputs)
            let wide = UnsafeMutablePointer<Double>.allocate(capacity: inputs)
            defer {
                narrow.deallocate()
                wide.deallocate()
            }
            for channel in range {
                WeightDecoding.decode(weight + channel * rowBytes, weightType, count: inputs, into: narrow)
                for index in 0..<inputs { wide[index] = Double(narrow[index]) }
                for row in 0..<rows {
                    let sum = dotProduct(wideX + row * inputs, wide, inputs) + Double(bias?[channel] ?? 0)
                    var value = operation.activation(sum)
                    if let transport { value = Double(transport(Float(value), row: row, channel: channel)) }
                    let index = row * outputs + channel
                    // An added zero would turn −0 into +0.
                    if let residual { value += Double(residual[index]) }
                    output[index] = Float(value)
                }
            }
        }
        try operands.finish()
    }
}

/// Σ aᵢ·bᵢ. Four sums run side by side so that additions need not wait for one another.
func dotProduct(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
    var (sum0, sum1, sum2, sum3) = (0.0, 0.0, 0.0, 0.0)
    var index = 0
    while index + 4 <= count {
        sum0 += a[index] * b[index]
        sum1 += a[index + 1] * b[index + 1]
        sum2 += a[index + 2] * b[index + 2]
        sum3 += a[index + 3] * b[index + 3]
        index += 4
    }
    while index < count {
        sum0 += a[index] * b[index]
        index += 1
    }
    return (sum0 + sum1) + (sum2 + sum3)
}
