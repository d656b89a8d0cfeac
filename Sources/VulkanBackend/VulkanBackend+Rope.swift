import Foundation
import Tensors
import VulkanRuntime

/// What the angles of a rotary embedding depend on.
struct RopeTable: Hashable {
    let dimensions: Int
    let base: Float

    /// base^(−2i/d) / 2π for each pair i, each as the sum of two floats.
    var turns: [Float] {
        (0..<dimensions / 2).flatMap { pair in
            let exact = pow(Double(base), -2 * Double(pair) / Double(dimensions)) / (2 * Double.pi)
            let high = Float(exact)
            return [high, Float(exact - Double(high))]
        }
    }
}

extension VulkanBackend {
    public func rope(_ operation: RopeOperation) throws {
        let name = "rope"
        let shape = operation.x.shape
        let x = try place(of: operation.x, name)
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(try place(of: operation.positions, name), .read)
        arguments.buffer(try turns(RopeTable(dimensions: operation.dimensions, base: operation.base)), .read)
        arguments.buffer(try operation.frequencyFactors.map { try place(of: $0, name) } ?? x, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(shape[0]))
        arguments.number(UInt32(shape[1]))
        arguments.number(UInt32(shape[2]))
        arguments.number(UInt32(operation.dimensions))
        arguments.number(operation.layout == .interleaved ? 1 : 0)
        arguments.number(operation.frequencyFactors == nil ? 0 : 1)
        let columns = shape[2] - operation.dimensions / 2
        try run(
            "elementwise/rope", launch(elements: shape[0] * columns, iterations: shape[1], name), arguments, name)
    }

    /// The table on the device, made when it is first asked for.
    private func turns(_ table: RopeTable) throws -> DevicePlace {
        let byteCount = table.dimensions * 4
        let buffer: Buffer
        if let known = ropeTables[table] {
            buffer = known
        } else {
            buffer = try translatingErrors("rope") {
                let buffer = try device.makeBuffer(byteCount: byteCount)
                try table.turns.withUnsafeBytes { try stream.upload($0, to: buffer) }
                return buffer
            }
            ropeTables[table] = buffer
        }
        return DevicePlace(buffer: buffer, byteOffset: 0, byteCount: byteCount)
    }
}
