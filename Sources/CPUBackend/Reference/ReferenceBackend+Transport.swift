import Foundation
import Tensors

extension ReferenceBackend {
    public func transport(_ operation: TransportOperation) throws {
        let name = "transport"
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        if output != x { output.update(from: x, count: operation.x.shape.count) }
        try ReferenceTransport(operation.transport, on: operation.x.shape, name).apply(to: output)
        if operation.activation != .identity {
            for index in 0..<operation.x.shape.count { output[index] = Float(operation.activation(Double(output[index]))) }
        }
        try operands.finish()
    }

    public func gatedTransport(_ operation: GatedTransportOperation) throws {
        let name = "gatedTransport"
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        let transport = try ReferenceTransport(operation.transport, on: operation.x.shape, name)
        let weights = try operation.gates.weights.hostFloats(name)
        let intercepts = try operation.gates.intercepts.hostFloats(name)
        let channels = operation.x.shape.channels
        for row in 0..<operation.x.shape.rows {
            var gate = 1.0
            if let map = transport.map(ofRow: row), intercepts[map] < .infinity {
                var score = Double(intercepts[map])
                for channel in 0..<channels { score += Double(weights[map * channels + channel]) * Double(x[row * channels + channel]) }
                gate = 1 / (1 + exp(-score))
            }
            for index in row * channels..<(row + 1) * channels {
                output[index] = transport(x[index], row: row, channel: index - row * channels, gate: gate)
            }
        }
        try operands.finish()
    }
}
