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
}
