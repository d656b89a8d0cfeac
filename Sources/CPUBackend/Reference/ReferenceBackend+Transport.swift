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

    public func clusterTransport(_ operation: ClusterTransportOperation) throws {
        let name = "clusterTransport"
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        let weights = try operation.clusters.weights.hostFloats(name)
        let intercepts = try operation.clusters.intercepts.hostFloats(name)
        let shifts = try operation.clusters.shifts.hostFloats(name)
        let indices = try operation.transport.indices.hostIntegers(name)
        let strengths = try operation.transport.strengths.hostFloats(name)
        let shape = operation.x.shape
        let rowsPerIndex = TransportApplication.rowsSharing(operation.transport.indices.shape.count, of: shape)
        let rowsPerStrength = TransportApplication.rowsSharing(operation.transport.strengths.shape.count, of: shape)
        let (channels, count) = (shape.channels, operation.clusterCount)
        for row in 0..<shape.rows {
            let (values, result) = (x + row * channels, output + row * channels)
            let (index, strength) = (Int(indices[row / rowsPerIndex]), Double(strengths[row / rowsPerStrength]))
            let scores: [(cluster: Int, score: Double)] =
                index > 0 && index < operation.maps && strength != 0
                ? (index * count..<(index + 1) * count).compactMap { cluster in
                    guard intercepts[cluster] > -.infinity else { return nil }
                    return (
                        cluster,
                        (0..<channels).reduce(Double(intercepts[cluster])) {
                            $0 + Double(weights[cluster * channels + $1]) * Double(values[$1])
                        }
                    )
                } : []
            guard !scores.isEmpty else {
                if result != values { result.update(from: values, count: channels) }
                continue
            }
            let highest = scores.reduce(-Double.infinity) { max($0, $1.score) }
            let exponentials = scores.map { exp($0.score - highest) }
            let total = exponentials.reduce(0, +)
            for channel in 0..<channels {
                let shift = zip(scores, exponentials).reduce(0.0) { $0 + $1.1 / total * Double(shifts[$1.0.cluster * channels + channel]) }
                result[channel] = Float(Double(values[channel]) + strength * shift)
            }
        }
        try operands.finish()
    }
}
