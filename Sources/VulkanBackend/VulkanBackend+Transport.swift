import Tensors
import VulkanRuntime

extension VulkanBackend {
    /// A transport as kernels take it: three buffers among the addresses, two numbers among the numbers.
    struct TransportArguments {
        let table, indices, strengths: DevicePlace
        /// The maps of the table; 0 when there is no transport.
        let maps: UInt32
        /// Bit 0: an index for every row; bit 1: a strength for every row.
        let perRow: UInt32
    }

    /// - Parameter unused: Stands for the buffers when there is no transport.
    func transportArguments(
        _ transport: TransportApplication?, unused: DevicePlace, _ operation: String
    ) throws -> TransportArguments {
        guard let transport else {
            return TransportArguments(table: unused, indices: unused, strengths: unused, maps: 0, perRow: 0)
        }
        let table = try place(of: transport.table, operation)
        guard table.isAligned(to: 16) else {
            throw TensorError.invalidOption(
                operation: operation, detail: "the transport table begins at byte \(table.byteOffset), expected a multiple of 16")
        }
        _ = try count(transport.table, operation)
        let perRowIndex: UInt32 = transport.indices.shape.count > 1 ? 1 : 0
        let perRowStrength: UInt32 = transport.strengths.shape.count > 1 ? 2 : 0
        return TransportArguments(
            table: table, indices: try place(of: transport.indices, operation),
            strengths: try place(of: transport.strengths, operation), maps: UInt32(transport.table.shape[0]),
            perRow: perRowIndex | perRowStrength)
    }

    public func transport(_ operation: TransportOperation) throws {
        let name = "transport"
        let x = try place(of: operation.x, name)
        let transport = try transportArguments(operation.transport, unused: x, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.append(transport)
        arguments.number(try count(operation.x, name))
        arguments.number(UInt32(operation.x.shape.channels))
        arguments.appendNumbers(transport)
        try run(
            "elementwise/transport", activations: operation.x.dtype, launch(elements: operation.x.shape.count, name), arguments, name)
    }
}

extension KernelArguments {
    mutating func append(_ transport: VulkanBackend.TransportArguments) {
        buffer(transport.table, .read)
        buffer(transport.indices, .read)
        buffer(transport.strengths, .read)
    }

    mutating func appendNumbers(_ transport: VulkanBackend.TransportArguments) {
        number(transport.maps)
        number(transport.perRow)
    }
}
