import Tensors

extension VulkanBackend {
    public func rmsNorm(_ operation: RMSNormOperation) throws {
        try normaliseRows(
            operation.x, gain: operation.gain, bias: nil, epsilon: operation.epsilon, isCentred: false, operation.transport,
            into: operation.output, "rmsNorm")
    }

    public func layerNorm(_ operation: LayerNormOperation) throws {
        try normaliseRows(
            operation.x, gain: operation.gain, bias: operation.bias, epsilon: operation.epsilon, isCentred: true, operation.transport,
            into: operation.output, "layerNorm")
    }

    /// The most quadruples of channels that an invocation holds in registers.
    private static let mostQuads = 8

    private func normaliseRows(
        _ x: Tensor, gain: Tensor?, bias: Tensor?, epsilon: Float, isCentred: Bool, _ map: TransportApplication?, into output: Tensor,
        _ name: String
    ) throws {
        let (rows, channels) = (x.shape.rows, x.shape.channels)
        let input = try place(of: x, name)
        let result = try place(of: output, name)
        let gains = try gain.map { try place(of: $0, name) }
        let biases = try bias.map { try place(of: $0, name) }
        let transport = try transportArguments(map, on: x.shape, unused: input, name)
        var arguments = KernelArguments()
        arguments.buffer(input, .read)
        arguments.buffer(gains ?? input, .read)
        arguments.buffer(biases ?? input, .read)
        arguments.buffer(result, .write)
        arguments.append(transport)
        _ = try count(x, name)
        arguments.number(UInt32(rows))
        arguments.number(UInt32(channels))
        arguments.real(epsilon)
        arguments.number((gain == nil ? 0 : 1) | (bias == nil ? 0 : 2))
        arguments.appendNumbers(transport)

        let types = ActivationTypes(x.dtype, to: output.dtype)
        let areFours =
            loadsFour(channels, [(input, x.dtype), (result, output.dtype)]) && [gains, biases].allSatisfy { $0?.isAligned(to: 16) ?? true }
        if family == .tiles, areFours, channels / 4 <= 256 * Self.mostQuads {
            let quads = channels / 4
            // A subgroup, which needs no barrier, or as many as have something to hold.
            let groupSize = [subgroupSize, 64, 128].first { $0 >= quads } ?? 256
            let held = [1, 2, 4].first { $0 * groupSize >= quads } ?? Self.mostQuads
            let constants: [UInt32] = [groupSize == subgroupSize ? 1 : 0, isCentred ? 1 : 0, UInt32(held)]
            let launch = try launch(groups: rows, of: (groupSize, 1), iterations: 2 * groupSize / subgroupSize, name)
            try run("norm/rows-1", types: types, constants: constants, launch, arguments, name)
        } else {
            let launch = try launch(rows: rows, of: channels, passes: 2, name)
            let constants: [UInt32] = [rowGroupIsOneSubgroup, isCentred ? 1 : 0, 1]
            try run("norm/rows-0", types: types, constants: constants, launch, arguments, name)
        }
    }
}
