import Tensors

extension ReferenceBackend {
    public func conv2d(_ operation: Conv2dOperation) throws { try convolve(operation.operands, "conv2d") }

    public func convTranspose2d(_ operation: ConvTranspose2dOperation) throws { try convolve(operation.operands, "convTranspose2d") }

    /// For each output pixel, what its taps meet is gathered (zeros where they meet nothing) and multiplied with every weight row.
    private func convolve(_ operands: ConvolutionOperands, _ name: String) throws {
        var floats = FloatOperands(memory, name)
        let x = UnsafePointer(try floats.input(operands.x))
        let weight = try wideWeight(operands, name)
        defer { weight.deallocate() }
        let bias = try operands.bias?.hostFloats(name)
        let transport = try operands.transport.map { try ReferenceTransport($0, on: operands.output.shape, name) }
        let residual = try operands.residual.map { try floats.input($0) }
        let output = try floats.output(operands.output)
        let (elements, channels) = (operands.rowElements, operands.outputChannels)

        concurrentRanges(operands.outputPixels, cost: elements * channels / operands.groups) { range in
            let patch = UnsafeMutablePointer<Double>.allocate(capacity: elements)
            defer { patch.deallocate() }
            for pixel in range {
                for group in 0..<operands.groups {
                    gather(operands, x, pixel: pixel, group: group, into: patch)
                    for channel in group * operands.groupOutputs..<(group + 1) * operands.groupOutputs {
                        let sum = dotProduct(patch, weight + channel * elements, elements) + Double(bias?[channel] ?? 0)
                        var value = operands.activation(sum)
                        if let transport { value = Double(transport(Float(value), row: pixel, channel: channel)) }
                        let index = pixel * channels + channel
                        // An added zero would turn −0 into +0.
                        if let residual { value += Double(residual[index]) }
                        output[index] = Float(value)
                    }
                }
            }
        }
        try floats.finish()
    }

    /// The weight in Float64, a row an output channel.
    private func wideWeight(_ operands: ConvolutionOperands, _ name: String) throws -> UnsafeMutablePointer<Double> {
        let stored = UnsafeRawPointer(try operands.weight.hostPointer(name))
        let count = operands.weight.shape.count
        let narrow = UnsafeMutablePointer<Float>.allocate(capacity: count)
        defer { narrow.deallocate() }
        WeightDecoding.decode(stored, operands.weight.dtype, count: count, into: narrow)
        let wide = UnsafeMutablePointer<Double>.allocate(capacity: count)
        for index in 0..<count { wide[index] = Double(narrow[index]) }
        return wide
    }

    /// The elements of x that the taps of one output pixel meet, in the order of a weight row.
    private func gather(
        _ operands: ConvolutionOperands, _ x: UnsafePointer<Float>, pixel: Int, group: Int, into patch: UnsafeMutablePointer<Double>
    ) {
        let (vertical, horizontal) = (operands.vertical, operands.horizontal)
        let inputs = operands.groupInputs
        let image = pixel / (vertical.outputs * horizontal.outputs)
        let row = pixel / horizontal.outputs % vertical.outputs
        let column = pixel % horizontal.outputs
        var next = patch
        for verticalTap in 0..<vertical.taps {
            let inputRow = vertical.input(output: row, tap: verticalTap)
            for horizontalTap in 0..<horizontal.taps {
                if let inputRow, let inputColumn = horizontal.input(output: column, tap: horizontalTap) {
                    let inputPixel = (image * vertical.inputs + inputRow) * horizontal.inputs + inputColumn
                    let source = x + inputPixel * operands.inputChannels + group * inputs
                    for channel in 0..<inputs { next[channel] = Double(source[channel]) }
                } else {
                    next.update(repeating: 0, count: inputs)
                }
                next += inputs
            }
        }
    }
}
