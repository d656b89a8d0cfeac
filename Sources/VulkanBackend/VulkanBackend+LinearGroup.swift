import Tensors
import VulkanRuntime

/// Products of a few rows of one x, in one dispatch where all weights have one type (linear/group.comp).
extension VulkanBackend {
    public func linears(_ operations: [LinearOperation]) throws {
        guard operations.count > 1, let group = try LinearGroup(operations, self) else { return try separateLinears(operations) }
        try run(group, gate: nil, "linear")
    }

    public func gatedLinear(_ operation: GatedLinearOperation) throws {
        // Both have the result's shape and type.
        let products = [operation.gate, operation.up].map { operation.product(with: $0, into: operation.output) }
        guard let group = try LinearGroup(products, self) else { return try separateGatedLinear(operation) }
        try run(group, gate: operation.activation, "gatedLinear")
    }

    private func run(_ group: LinearGroup, gate: Activation?, _ name: String) throws {
        let (first, tile) = (group.operations[0], group.tile)
        let x = try aligned(place(of: first.x, name), name)
        var parts = KernelArguments()
        for operation in group.operations {
            let transport = try transportArguments(operation.transport, on: operation.output.shape, unused: x, name)
            parts.buffer(try place(of: operation.weight, name), .read)
            parts.buffer(try place(of: operation.output, name), .write)
            parts.append(transport)
            parts.buffer(try operation.bias.map { try place(of: $0, name) } ?? x, .read)
            parts.number(UInt32(operation.outputChannels))
            parts.number(operation.bias == nil ? 0 : 1)
            parts.appendNumbers(transport)
            _ = try count(operation.output, name)
        }
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.store(parts)
        arguments.number(UInt32(first.rows))
        arguments.number(UInt32(first.inputChannels))
        arguments.number(UInt32(group.operations.count))
        arguments.number((gate ?? .identity).kernelNumber)
        _ = try count(first.x, name)
        let tiles = group.operations.map { ($0.outputChannels + tile.outputs - 1) / tile.outputs }
        try run(
            "linear/\(tile.section > 0 ? "roundedGroup" : "group")-\(first.weight.dtype.rawValue)", types: first.types,
            constants: tile.constants + [gate == nil ? 0 : 1],
            matvecLaunch(
                tile, rows: first.rows, outputTiles: gate == nil ? tiles.reduce(0, +) : tiles[0], channels: first.inputChannels,
                passes: gate == nil ? 1 : 2, name), arguments, name)
    }
}

/// Products that linear/group.comp computes.
private struct LinearGroup {
    let operations: [LinearOperation]
    let tile: MatvecTile

    /// nil where each goes its own way: many rows, weights or results of several types, activations or residuals, or operands that do not fit
    /// the kernel.
    init?(_ operations: [LinearOperation], _ backend: VulkanBackend) throws {
        let first = operations[0]
        func isAlike(_ operation: LinearOperation) -> Bool {
            operation.weight.dtype == first.weight.dtype && operation.output.dtype == first.output.dtype
                && operation.activation == .identity && operation.residual == nil
        }
        switch backend.productMethod {
        case .scalar: break
        case .matrix: return nil
        case .automatic: if try backend.matrixPlan(first) != nil { return nil }
        }
        guard let tile = try backend.matvecTile(first, isInGroup: true),
            try operations.allSatisfy({ try isAlike($0) && backend.loadsPieces($0) })
        else { return nil }
        (self.operations, self.tile) = (operations, tile)
    }
}
