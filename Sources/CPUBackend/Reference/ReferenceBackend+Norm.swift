import Tensors

extension ReferenceBackend {
    public func rmsNorm(_ operation: RMSNormOperation) throws {
        let name = "rmsNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let gain = try operation.gain.hostFloats(name)
        let transport = try operation.transport.map { try ReferenceTransport($0, name) }
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
}
