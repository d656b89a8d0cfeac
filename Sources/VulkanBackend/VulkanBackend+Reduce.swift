import Tensors

extension VulkanBackend {
    public func reduce(_ operation: ReduceOperation) throws {
        let name = "reduce"
        _ = try count(operation.x, name)
        let (outer, extent, inner) = (operation.outer, operation.extent, operation.inner)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(outer))
        arguments.number(UInt32(extent))
        arguments.number(UInt32(inner))
        arguments.real(operation.reduction == .mean ? Float(extent) : 1)
        // Neighbours of the inner axis as far as there are any; what is left of a work-group shares the extent.
        let invocations = family == .lanes ? subgroupSize : 256
        let width = [1, 2, 4, 8, 16].first { $0 >= inner || $0 >= invocations } ?? min(32, invocations)
        let height = invocations / width
        let launch = try launch(
            groups: outer * ((inner + width - 1) / width), of: (width, height), iterations: extent / height + 10, name)
        let kernel = operation.reduction == .mean ? Reduction.sum : operation.reduction
        try run(
            "pool/axis-\(kernel.rawValue)", activations: operation.x.dtype, constants: [0, operation.output.dtype == .f16 ? 1 : 0],
            launch, arguments, name)
    }
}
