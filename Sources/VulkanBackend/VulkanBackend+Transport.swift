import Tensors
import VulkanRuntime

extension VulkanBackend {
    /// A transport as kernels take it: three buffers among the addresses, two numbers among the numbers.
    struct TransportArguments {
        let table, indices, strengths: DevicePlace
        /// The maps of the table; 0 when there is no transport.
        let maps: UInt32
        /// Which rows share an index and a strength, as Shaders/common/transport.glsl has it.
        let sharing: UInt32
    }

    /// - Parameters:
    ///   - shape: That of the activation the map acts on.
    ///   - unused: Stands for the buffers when there is no transport.
    func transportArguments(
        _ transport: TransportApplication?, on shape: Shape, unused: DevicePlace, _ operation: String
    ) throws -> TransportArguments {
        guard let transport else {
            return TransportArguments(table: unused, indices: unused, strengths: unused, maps: 0, sharing: 0)
        }
        let tensor = try transport.affineTable(operation)
        let table = try place(of: tensor, operation)
        guard table.isAligned(to: 16) else {
            throw TensorError.invalidOption(
                operation: operation, detail: "the transport table begins at byte \(table.byteOffset), expected a multiple of 16")
        }
        _ = try count(tensor, operation)
        return TransportArguments(
            table: table, indices: try place(of: transport.indices, operation),
            strengths: try place(of: transport.strengths, operation), maps: UInt32(tensor.shape[0]),
            sharing: try sharing(transport, on: shape, operation))
    }

    /// Which rows share an index and a strength.
    private func sharing(_ transport: TransportApplication, on shape: Shape, _ operation: String) throws -> UInt32 {
        let imageRows = shape.rows / shape.images
        guard imageRows < 1 << 28 else {
            throw TensorError.invalidOption(
                operation: operation, detail: "an image of \(imageRows) pixels is more than a map can address (2²⁸ − 1)")
        }
        func flag(_ elements: Tensor, perRow: UInt32, perImage: UInt32) -> UInt32 {
            let rows = TransportApplication.rowsSharing(elements.shape.count, of: shape)
            return rows == 1 ? perRow : rows == imageRows && elements.shape.count > 1 ? perImage : 0
        }
        return flag(transport.indices, perRow: 1, perImage: 4) | flag(transport.strengths, perRow: 2, perImage: 8) | UInt32(imageRows) << 4
    }

    public func transport(_ operation: TransportOperation) throws {
        switch operation.transport.spatial {
        case .pointwise: try pointwiseTransport(operation)
        case .channelMean: try channelMeanTransport(operation)
        }
    }

    private func pointwiseTransport(_ operation: TransportOperation) throws {
        let name = "transport"
        let x = try place(of: operation.x, name)
        let transport = try transportArguments(operation.transport, on: operation.x.shape, unused: x, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.append(transport)
        arguments.number(try count(operation.x, name))
        arguments.number(UInt32(operation.x.shape.channels))
        arguments.number(operation.activation.kernelNumber)
        arguments.appendNumbers(transport)
        try run(
            "transport/pointwise", types: operation.types, launch(elements: operation.x.shape.count, name), arguments, name)
    }

    /// A work-group a row: the product with the gate's weights, and then the map.
    public func gatedTransport(_ operation: GatedTransportOperation) throws {
        let name = "gatedTransport"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let x = try place(of: operation.x, name)
        let result = try place(of: operation.output, name)
        let weights = try place(of: operation.gates.weights, name)
        let transport = try transportArguments(operation.transport, on: operation.x.shape, unused: x, name)
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(result, .write)
        arguments.buffer(weights, .read)
        arguments.buffer(try place(of: operation.gates.intercepts, name), .read)
        arguments.append(transport)
        arguments.number(UInt32(rows))
        arguments.number(UInt32(channels))
        arguments.appendNumbers(transport)
        let types = ActivationTypes(operation.x.dtype, to: operation.output.dtype)
        let areFours = loadsFour(channels, [(x, operation.x.dtype), (result, operation.output.dtype), (weights, .f32)])
        let width = areFours ? 4 : 1
        try run(
            "transport/gated-\(width)", types: types, constants: [rowGroupIsOneSubgroup],
            launch(rows: rows, of: channels / width, passes: 2, name), arguments, name)
    }

    /// A work-group a row: the products with the weights of all clusters, their softmax, and the shifts that it weighs.
    public func clusterTransport(_ operation: ClusterTransportOperation) throws {
        let name = "clusterTransport"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let x = try place(of: operation.x, name)
        let result = try place(of: operation.output, name)
        let weights = try place(of: operation.clusters.weights, name)
        let shifts = try place(of: operation.clusters.shifts, name)
        _ = try count(operation.x, name)
        _ = try count(operation.clusters.weights, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(result, .write)
        arguments.buffer(weights, .read)
        arguments.buffer(try place(of: operation.clusters.intercepts, name), .read)
        arguments.buffer(shifts, .read)
        arguments.buffer(try place(of: operation.transport.indices, name), .read)
        arguments.buffer(try place(of: operation.transport.strengths, name), .read)
        arguments.number(UInt32(rows))
        arguments.number(UInt32(channels))
        arguments.number(UInt32(operation.clusterCount))
        arguments.number(UInt32(operation.maps))
        arguments.number(try sharing(operation.transport, on: operation.x.shape, name))
        let types = ActivationTypes(operation.x.dtype, to: operation.output.dtype)
        let areFours = loadsFour(
            channels, [(x, operation.x.dtype), (result, operation.output.dtype), (weights, .f32), (shifts, .f32)])
        let width = areFours ? 4 : 1
        try run(
            "transport/clusters-\(width)", types: types, constants: [rowGroupIsOneSubgroup],
            launch(rows: rows, of: channels / width, passes: 2 * operation.clusterCount, name), arguments, name)
    }

    /// Three kernels: means of each channel over stretches of pixels, the shift of each channel, and the pass that applies it.
    private func channelMeanTransport(_ operation: TransportOperation) throws {
        let name = "transport"
        let x = try place(of: operation.x, name)
        let output = try place(of: operation.output, name)
        let layout = pixelLayout(of: operation.x, [(x, operation.x.dtype), (output, operation.output.dtype)])
        let moments = try channelMoments(operation.x, layout, name)

        let columns = layout.images * layout.channels
        let shifts = try scratch(columns * 4, name)
        let transport = try transportArguments(operation.transport, on: operation.x.shape, unused: x, name)
        var arguments = KernelArguments()
        arguments.buffer(moments, .read)
        arguments.buffer(shifts, .write)
        arguments.append(transport)
        arguments.append(layout)
        arguments.appendNumbers(transport)
        try run("transport/channelShifts", launch(elements: columns, iterations: layout.stretches, name), arguments, name)

        let units = operation.x.shape.count / layout.width
        arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(shifts, .read)
        arguments.buffer(output, .write)
        arguments.number(try count(units, name))
        arguments.number(UInt32(layout.channels / layout.width))
        arguments.number(UInt32(layout.pixels))
        arguments.number(operation.activation.kernelNumber)
        try run("transport/shift-\(layout.width)", types: operation.types, launch(elements: units, name), arguments, name)
    }
}

extension TransportOperation {
    fileprivate var types: ActivationTypes { ActivationTypes(x.dtype, to: output.dtype) }
}

extension KernelArguments {
    mutating func append(_ transport: VulkanBackend.TransportArguments) {
        buffer(transport.table, .read)
        buffer(transport.indices, .read)
        buffer(transport.strengths, .read)
    }

    mutating func appendNumbers(_ transport: VulkanBackend.TransportArguments) {
        number(transport.maps)
        number(transport.sharing)
    }
}
