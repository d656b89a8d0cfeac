import Tensors

extension ReferenceBackend {
    public func rmsNorm(_ operation: RMSNormOperation) throws {
        let name = "rmsNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let gain = try operation.gain.hostFloats(name)
        let transport = try operation.transport.map { try ReferenceTransport($0, on: operation.x.shape, name) }
        let output = try operands.output(operation.output)
        for row in 0..<rows {
            let values = x + row * channels
            var squares = 0.0
            for channel in 0..<channels { squares += Double(values[channel]) * Double(values[channel]) }
            let deviation = (squares / Double(channels) + Double(operation.epsilon)).squareRoot()
            for channel in 0..<channels {
                let value = Float(Double(gain[channel]) * Double(values[channel]) / deviation)
                output[row * channels + channel] = transport?(value, row: row, channel: channel) ?? value
            }
        }
        try operands.finish()
    }

    public func layerNorm(_ operation: LayerNormOperation) throws {
        let name = "layerNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let gain = try operation.gain?.hostFloats(name)
        let bias = try operation.bias?.hostFloats(name)
        let transport = try operation.transport.map { try ReferenceTransport($0, on: operation.x.shape, name) }
        let output = try operands.output(operation.output)
        for row in 0..<rows {
            let values = (0..<channels).map { Double(x[row * channels + $0]) }
            let mean = values.reduce(0, +) / Double(channels)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let deviation = (squares / Double(channels) + Double(operation.epsilon)).squareRoot()
            for channel in 0..<channels {
                let normal = (values[channel] - mean) / deviation
                output[row * channels + channel] = Float(Double(gain?[channel] ?? 1) * normal + Double(bias?[channel] ?? 0))
            }
        }
        transport?.apply(to: output)
        try operands.finish()
    }
}
