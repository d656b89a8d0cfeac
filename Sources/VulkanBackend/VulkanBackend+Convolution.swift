import Tensors
import VulkanRuntime

extension VulkanBackend {
    public func conv2d(_ operation: Conv2dOperation) throws { try convolve(operation.operands, "conv2d") }

    public func convTranspose2d(_ operation: ConvTranspose2dOperation) throws { try convolve(operation.operands, "convTranspose2d") }

    private func convolve(_ operands: ConvolutionOperands, _ name: String) throws {
        switch productMethod {
        case .scalar: break
        case .matrix(let plan): return try matrixConvolve(operands, plan, name)
        case .automatic: if let plan = try matrixPlan(operands, name) { return try matrixConvolve(operands, plan, name) }
        }
        let (x, weight) = (try place(of: operands.x, name), try place(of: operands.weight, name))
        let dtype = operands.weight.dtype
        let kernel = ConvolutionKernel(
            operands, family: family, loadsPairs: x.isAligned(to: 8),
            loadsChunks: x.isAligned(to: 16) && (dtype.isQuantised || weight.isAligned(to: 16)), tile: scalarTile, processors: processors,
            isInvariant: isBatchInvariant)
        let output = try place(of: operands.output, name)
        let (splits, pixels) = (kernel.splits, operands.outputPixels)
        let sums = splits > 1 ? try scratch(floats: splits * pixels * operands.outputChannels, name) : output
        try run(
            "convolution/\(kernel.shader)-\(dtype.rawValue)", types: operands.types,
            constants: kernel.constants(operands, subgroupSize: subgroupSize), launch(kernel, operands, name),
            arguments(operands, result: sums, name), name)
        if splits > 1 { try combine(operands, sums, splits: splits, name) }
    }

    /// Adds what work-groups that share channels have left, and finishes the sums.
    /// - Parameter sums: [splits, pixels, outputs] f32.
    func combine(_ operands: ConvolutionOperands, _ sums: DevicePlace, splits: Int, _ name: String) throws {
        let (pixels, outputs) = (operands.outputPixels, operands.outputChannels)
        let transport = try transportArguments(operands.transport, on: operands.output.shape, unused: sums, name)
        var arguments = KernelArguments()
        arguments.buffer(sums, .read)
        arguments.buffer(sums, .read)
        arguments.buffer(try place(of: operands.output, name), .write)
        arguments.append(transport)
        arguments.buffer(try operands.bias.map { try place(of: $0, name) } ?? sums, .read)
        arguments.buffer(try operands.residual.map { try place(of: $0, name) } ?? sums, .read)
        arguments.number(UInt32(pixels))
        arguments.number(UInt32(operands.rowElements))
        arguments.number(UInt32(outputs))
        arguments.number(operands.activation.kernelNumber)
        arguments.number((operands.bias == nil ? 0 : 1) | (operands.residual == nil ? 0 : 2))
        arguments.appendNumbers(transport)
        arguments.number(UInt32(splits))
        try run(
            "linear/combine", types: operands.types, launch(elements: pixels * outputs, iterations: splits, name), arguments, name)
    }

    /// The block that all convolution kernels take.
    func arguments(_ operands: ConvolutionOperands, result: DevicePlace, _ name: String) throws -> KernelArguments {
        let x = try place(of: operands.x, name)
        let transport = try transportArguments(operands.transport, on: operands.output.shape, unused: x, name)
        let (vertical, horizontal) = (operands.vertical, operands.horizontal)
        var epilogue = KernelArguments()
        epilogue.append(transport)
        epilogue.buffer(try operands.bias.map { try place(of: $0, name) } ?? x, .read)
        epilogue.buffer(try operands.residual.map { try place(of: $0, name) } ?? x, .read)
        epilogue.number(operands.activation.kernelNumber)
        epilogue.number((operands.bias == nil ? 0 : 1) | (operands.residual == nil ? 0 : 2))
        epilogue.appendNumbers(transport)

        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(try place(of: operands.weight, name), .read)
        arguments.buffer(result, .write)
        arguments.store(epilogue)
        _ = try count(operands.x, name)
        _ = try count(operands.weight, name)
        _ = try count(operands.output, name)
        let numbers = [
            operands.outputPixels, vertical.inputs, horizontal.inputs, operands.inputChannels, operands.groupInputs, vertical.outputs,
            horizontal.outputs, operands.outputChannels, vertical.taps, horizontal.taps, vertical.stride, horizontal.stride,
            vertical.dilation, horizontal.dilation, vertical.paddingBefore, horizontal.paddingBefore, vertical.upsampling,
        ]
        for number in numbers { arguments.number(UInt32(number)) }
        return arguments
    }
}

extension ConvolutionOperands {
    var types: ActivationTypes { ActivationTypes(x.dtype, to: output.dtype, residual?.dtype) }
}
