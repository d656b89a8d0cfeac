import CSimd
import Tensors

extension CPUBackend {
    public func linear(_ operation: LinearOperation) throws {
        let name = "linear"
        var linear = monge_linear()
        var operands = FloatOperands(memory, name, workers: workers)
        linear.x = UnsafePointer(try operands.input(operation.x))
        linear.rows = operation.rows
        linear.inputs = operation.inputChannels
        linear.type = operation.weight.dtype.kernelType
        linear.weight = UnsafePointer(try operation.weight.hostElements(UInt8.self, name))
        linear.weight_row_bytes = operation.weight.dtype.byteCount(elements: operation.inputChannels)!
        linear.epilogue.bias = try operation.bias.map { UnsafePointer(try $0.hostFloats(name)) }
        linear.epilogue.activation = operation.activation.kernelActivation
        linear.epilogue.transport = try monge_transport(operation.transport, on: operation.output.shape, name)
        linear.epilogue.residual = try operation.residual.map { UnsafePointer(try operands.input($0)) }
        linear.epilogue.output = try operands.output(operation.output)
        linear.epilogue.channels = operation.outputChannels
        if precision == .fast, operation.weight.dtype.isQuantised {
            try roundedProduct(linear)
        } else if linear.rows <= Self.rowsOfDotProducts {
            try dotProducts(linear)
        } else {
            try matrixProduct(linear) { rows, _, _, panel, packed in kernels.pointee.pack(rows, panel, packed) }
        }
        try operands.finish()
    }

    /// The output channels of a task where weights are read once: enough tasks that a core that is held up does not hold up the others,
    /// each some microseconds long, and whole cache lines of output.
    func channelsOfTask(_ linear: monge_linear) -> Int {
        let bytes = linear.epilogue.channels * linear.weight_row_bytes
        let taskBytes = min(max(bytes / (workers.threads * 4), 24 << 10), 256 << 10)
        return max(1, taskBytes / max(1, linear.weight_row_bytes) / 16) * 16
    }

    /// Few rows: bound by the bytes of the weights, which are read once, in place.
    private func dotProducts(_ linear: monge_linear) throws {
        let channels = linear.epilogue.channels
        let taskChannels = channelsOfTask(linear)
        let tasks = (channels + taskChannels - 1) / taskChannels
        let scratch = try threadScratch.take(Self.rowsOfDotProducts * min(taskChannels, channels))
        workers.run(tasks) { task, thread in
            withUnsafePointer(to: linear) {
                kernels.pointee.dot($0, task * taskChannels, min((task + 1) * taskChannels, channels), scratch[thread])
            }
        }
    }
}
