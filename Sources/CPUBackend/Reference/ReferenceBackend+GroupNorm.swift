import Tensors

extension ReferenceBackend {
    public func groupNorm(_ operation: GroupNormOperation) throws {
        let name = "groupNorm"
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let gain = try operation.gain?.hostFloats(name)
        let bias = try operation.bias?.hostFloats(name)
        // A copy, since the output may lie over it.
        let residual = try operation.residual.map { Array(UnsafeBufferPointer(start: try operands.input($0), count: $0.shape.count)) }
        let transport = try operation.transport.map { try ReferenceTransport($0, on: operation.x.shape, name) }
        let output = try operands.output(operation.output)
        let (pixels, channels, groupChannels) = (operation.pixels, operation.channels, operation.groupChannels)

        for image in 0..<operation.images {
            for firstChannel in stride(from: 0, to: channels, by: groupChannels) {
                let places = (0..<pixels).flatMap { pixel in
                    let first = (image * pixels + pixel) * channels + firstChannel
                    return first..<first + groupChannels
                }
                let mean = places.reduce(0) { $0 + Double(x[$1]) } / Double(places.count)
                let squares = places.reduce(0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) }
                let deviation = (squares / Double(places.count) + Double(operation.epsilon)).squareRoot()
                for place in places {
                    let (factor, offset) = (Double(gain?[place % channels] ?? 1), Double(bias?[place % channels] ?? 0))
                    output[place] = Float(factor * (Double(x[place]) - mean) / deviation + offset)
                }
            }
        }
        if operation.mapsFirst { transport?.apply(to: output) }
        if operation.activation != .identity {
            for index in 0..<operation.x.shape.count { output[index] = Float(operation.activation(Double(output[index]))) }
        }
        if !operation.mapsFirst { transport?.apply(to: output) }
        if let residual {
            for index in 0..<operation.x.shape.count { output[index] += residual[index] }
        }
        try operands.finish()
    }
}
