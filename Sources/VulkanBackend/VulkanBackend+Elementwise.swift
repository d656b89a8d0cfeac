import Tensors

extension VulkanBackend {
    public func gatedProduct(_ operation: GatedProductOperation) throws {
        let name = "gatedProduct"
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.gate, name), .read)
        arguments.buffer(try place(of: operation.up, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(try count(operation.output, name))
        arguments.number(operation.activation.kernelNumber)
        try run("elementwise/gatedProduct", launch(elements: operation.output.shape.count, name), arguments, name)
    }

    public func add(_ operation: AddOperation) throws {
        let name = "add"
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.a, name), .read)
        arguments.buffer(try place(of: operation.b, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(try count(operation.output, name))
        try run(
            "elementwise/add", activations: operation.output.dtype, launch(elements: operation.output.shape.count, name), arguments, name)
    }

    public func rmsNorm(_ operation: RMSNormOperation) throws {
        let name = "rmsNorm"
        let x = try place(of: operation.x, name)
        let transport = try transportArguments(operation.transport, unused: x, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(try place(of: operation.gain, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.append(transport)
        _ = try count(operation.x, name)
        arguments.number(UInt32(operation.x.shape.rows))
        arguments.number(UInt32(operation.x.shape.channels))
        arguments.real(operation.epsilon)
        arguments.appendNumbers(transport)
        let launch = try launch(rows: operation.x.shape.rows, of: operation.x.shape.channels, passes: 2, name)
        try run("norm/rms", activations: operation.x.dtype, constants: [rowGroupIsOneSubgroup], launch, arguments, name)
    }
}
