import Tensors
import VulkanRuntime

extension VulkanBackend {
    public func conv2d(_ operation: Conv2dOperation) throws { try convolve(operation.operands, "conv2d") }

    public func convTranspose2d(_ operation: ConvTranspose2dOperation) throws { try convolve(operation.operands, "convTranspose2d") }

    private func convolve(_ operands: ConvolutionOperands, _ name: String) throws {
        switch productWay {
        case .plain: break
        case .matrix(let plan): return try matrixConvolve(operands, plan, name)
        case .planned: if let plan = try matrixPlan(operands, name) { return try matrixConvolve(operands, plan, name) }
        }
        let arguments = try arguments(operands, result: place(of: operands.output, name), name)
        if let tile = try depthwiseTile(operands, name) { return try depthwise(operands, tile, arguments, name) }
        let (vertical, horizontal) = (operands.vertical, operands.horizontal)
        let taps = vertical.taps * horizontal.taps
        let dtype = operands.weight.dtype
        let isTransposed: UInt32 = vertical.isTransposed ? 1 : 0
        let weight = try place(of: operands.weight, name)
        let x = try place(of: operands.x, name)
        // Loads of whole chunks of a group's channels.
        let loadsChunks = operands.groupInputs % 32 == 0 && x.isAligned(to: 8) && (dtype.isQuantised || weight.isAligned(to: 16))
        if family == .lanes, !loadsChunks, operands.groups == 1, !dtype.isQuantised {
            let tileOutputs = subgroupSize * Self.laneOutputs
            let pixels = operands.output.shape.rows
            let tiles =
                ((pixels + subgroupSize - 1) / subgroupSize) * ((operands.outputChannels + tileOutputs - 1) / tileOutputs)
            let launch = try launch(
                groups: tiles, of: (subgroupSize, 1), iterations: taps + operands.rowElements + tileOutputs, name)
            return try run(
                "convolution/few-\(dtype.rawValue)", activations: operands.x.dtype,
                constants: [isTransposed, UInt32(subgroupSize), UInt32(Self.laneOutputs)], launch, arguments, name)
        }
        guard family == .lanes, loadsChunks else {
            let launch = try launch(elements: operands.output.shape.count, iterations: taps + operands.rowElements, name)
            return try run(
                "convolution/plain-\(dtype.rawValue)", activations: operands.x.dtype, constants: [isTransposed], launch, arguments, name)
        }
        // Tiles are of one phase: as many as strides in a transposed convolution, each a grid of all its images.
        let (rows, columns) = vertical.isTransposed ? (vertical.stride, horizontal.stride) : (1, 1)
        let grid = ((vertical.outputs + rows - 1) / rows) * ((horizontal.outputs + columns - 1) / columns)
        let tilePixels = operands.batch * grid < Self.lanePixels ? Self.fewLanePixels : Self.lanePixels
        let pixelTiles = rows * columns * ((operands.batch * grid + tilePixels - 1) / tilePixels)
        let tileOutputs = subgroupSize * Self.laneOutputs
        let outputTiles = operands.groups * ((operands.groupOutputs + tileOutputs - 1) / tileOutputs)
        let launch = try launch(
            groups: pixelTiles * outputTiles, of: (subgroupSize, 1),
            iterations: taps * (operands.groupInputs / 32 + 1) + tilePixels * Self.laneOutputs, name)
        try run(
            "convolution/lanes-\(dtype.rawValue)", activations: operands.x.dtype,
            constants: [isTransposed, UInt32(subgroupSize), UInt32(tilePixels), UInt32(Self.laneOutputs)], launch, arguments, name)
    }

    /// What an invocation of convolution/depthwise computes; nil for what that kernel does not: several inputs to an output or outputs of an
    /// input, steps over the result, and rows of a kernel that do not fit into registers.
    private func depthwiseTile(_ operands: ConvolutionOperands, _ name: String) throws -> (pixels: Int, channels: Int)? {
        let axis = operands.horizontal
        let pixels = family == .lanes && axis.outputs > 8 ? 16 : 8
        let seen = (pixels - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1
        let isDepthwise = operands.groups > 1 && operands.groupInputs == 1 && operands.groupOutputs == 1
        guard isDepthwise, !axis.isTransposed, axis.upsampling == 1, seen <= 40 else { return nil }
        let loadsPairs = try operands.inputChannels % 2 == 0 && place(of: operands.x, name).isAligned(to: 8)
        return (pixels, loadsPairs ? 2 : 1)
    }

    private func depthwise(
        _ operands: ConvolutionOperands, _ tile: (pixels: Int, channels: Int), _ arguments: KernelArguments, _ name: String
    ) throws {
        let axis = operands.horizontal
        let rows = operands.batch * operands.vertical.outputs
        let tiles = rows * ((axis.outputs + tile.pixels - 1) / tile.pixels) * (operands.outputChannels / tile.channels)
        try run(
            "convolution/depthwise-\(operands.weight.dtype.rawValue)", activations: operands.x.dtype,
            constants: [0, axis.taps, axis.stride, axis.dilation, tile.pixels, tile.channels].map { UInt32($0) },
            launch(elements: tiles, iterations: operands.vertical.taps + tile.pixels, name), arguments, name)
    }

    /// The pixels of a tile of convolution/lanes, of one for an image with fewer, and the outputs of each of its lanes and of those of convolution/few.
    private static let lanePixels = 16
    private static let fewLanePixels = 8
    private static let laneOutputs = 2

    /// The block that all convolution kernels take.
    func arguments(_ operands: ConvolutionOperands, result: DevicePlace, _ name: String) throws -> KernelArguments {
        let x = try place(of: operands.x, name)
        let transport = try transportArguments(operands.transport, on: operands.output.shape, unused: x, name)
        let (vertical, horizontal) = (operands.vertical, operands.horizontal)
        let narrow = max(operands.inputChannels, vertical.upsampling)
        guard narrow < 1 << 16 else {
            throw TensorError.invalidOption(
                operation: name,
                detail: "x \(operands.x.shape) upsampled \(vertical.upsampling) times: "
                    + "\(self.name) takes channels and factors below 65536")
        }
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(try place(of: operands.weight, name), .read)
        arguments.buffer(result, .write)
        arguments.append(transport)
        arguments.buffer(try operands.bias.map { try place(of: $0, name) } ?? x, .read)
        arguments.buffer(try operands.residual.map { try place(of: $0, name) } ?? x, .read)
        _ = try count(operands.x, name)
        _ = try count(operands.weight, name)
        _ = try count(operands.output, name)
        arguments.number(UInt32(operands.outputPixels))
        arguments.number(UInt32(vertical.inputs))
        arguments.number(UInt32(horizontal.inputs))
        arguments.number(operands.inputChannels, operands.groupInputs)
        arguments.number(UInt32(vertical.outputs))
        arguments.number(UInt32(horizontal.outputs))
        arguments.number(UInt32(operands.outputChannels))
        arguments.number(vertical.taps, horizontal.taps)
        arguments.number(vertical.stride, horizontal.stride)
        arguments.number(vertical.dilation, horizontal.dilation)
        arguments.number(vertical.paddingBefore, horizontal.paddingBefore)
        let flags: UInt32 = (operands.bias == nil ? 0 : 1) | (operands.residual == nil ? 0 : 2)
        arguments.number(operands.activation.kernelNumber | flags << 8 | UInt32(vertical.upsampling) << 16)
        arguments.appendNumbers(transport)
        return arguments
    }
}

extension KernelArguments {
    /// Two numbers below 65536 in one word, the first in the low half.
    fileprivate mutating func number(_ low: Int, _ high: Int) { number(UInt32(low) | UInt32(high) << 16) }
}
