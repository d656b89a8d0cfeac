import Tensors

/// The kernels of convolutions by plain arithmetic. Each has a shader of its own with a variant for each weight type that it takes.
enum ConvolutionKernel: Equatable {
    /// Neighbours along a row in registers, for a channel or two; each channel by itself.
    case depthwise(tilePixels: Int, tileChannels: Int)
    /// Pixels in registers, the lanes of a subgroup over outputs; whole chunks of a group's channels.
    case lanes(tilePixels: Int)
    /// A pixel for each lane of a subgroup, and outputs in registers; few channels.
    case few
    /// Tiles of pixels and outputs in shared memory, with work-groups that share the channels of a tile.
    case tiled(ScalarTile, splits: Int, inChunks: Bool)
    /// Any geometry, an invocation for each element.
    case plain

    /// The outputs of each lane of ``lanes(tilePixels:)`` and ``few``.
    static let laneOutputs = 2
    /// The outputs for which a tile, of 16 at least, does less than the loads of ``plain``.
    private static let fewestTileOutputs = 8
    /// The most inputs that a row of taps of ``depthwise(tilePixels:tileChannels:)`` holds in registers.
    private static let mostSeen = 40
    /// The fewest channels for which a work-group of its own pays, and the most that share a tile.
    private static let (fewestSplitChannels, mostSplits) = (256, 16)

    /// - Parameters:
    ///   - loadsPairs: Whether loads of two channels of x are aligned.
    ///   - loadsChunks: Whether those of four channels of x and of whole chunks of the weight are.
    ///   - tile: What is usual for large products on the device.
    ///   - processors: How many work-groups keep the device busy.
    ///   - isInvariant: Whether an image's sums are to be those that it has alone.
    init(
        _ operands: ConvolutionOperands, family: KernelFamily, loadsPairs: Bool, loadsChunks: Bool, tile: ScalarTile, processors: Int,
        isInvariant: Bool
    ) {
        let isQuantised = operands.weight.dtype.isQuantised
        let isChunked = operands.groupInputs % 32 == 0 && loadsChunks
        if let depthwise = Self.depthwise(operands, family, loadsPairs: loadsPairs) {
            self = depthwise
        } else if family == .lanes {
            let pixels = operands.batch * operands.phaseGrid
            self = isChunked ? .lanes(tilePixels: pixels < 16 ? 8 : 16) : operands.groups == 1 && !isQuantised ? .few : .plain
        } else if operands.groupOutputs >= Self.fewestTileOutputs, isChunked || !isQuantised {
            let grid = (isInvariant ? 1 : operands.batch) * operands.phaseGrid
            let count = operands.phases * operands.groups
            let tile = ScalarTile.best(
                rows: grid, outputs: operands.groupOutputs, units: max(1, processors / count), usual: tile)
            let free = processors / max(1, count * tile.count(rows: grid, outputs: operands.groupOutputs))
            let wanted = max(1, min(free, operands.rowElements / Self.fewestSplitChannels, Self.mostSplits))
            // A power of two, so that there are few pipelines to compile.
            self = .tiled(tile, splits: 1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount), inChunks: isChunked)
        } else {
            self = .plain
        }
    }

    /// nil for what the kernel does not do: several inputs to an output or outputs of an input, steps over the result, and rows of a kernel
    /// that see too much for the registers.
    private static func depthwise(_ operands: ConvolutionOperands, _ family: KernelFamily, loadsPairs: Bool) -> ConvolutionKernel? {
        let axis = operands.horizontal
        // The registers of a software device spill into a near cache, and larger tiles pay.
        let pixels = family == .lanes && axis.outputs > 8 ? 16 : 8
        let seen = (pixels - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1
        let isDepthwise = operands.groups > 1 && operands.groupInputs == 1 && operands.groupOutputs == 1
        guard isDepthwise, !axis.isTransposed, axis.upsampling == 1, seen <= mostSeen else { return nil }
        return .depthwise(tilePixels: pixels, tileChannels: loadsPairs && operands.inputChannels % 2 == 0 ? 2 : 1)
    }

    var shader: String {
        switch self {
        case .depthwise: "depthwise"
        case .lanes: "lanes"
        case .few: "few"
        case .tiled: "tiled"
        case .plain: "plain"
        }
    }

    /// How many work-groups share the channels of a tile.
    var splits: Int { if case .tiled(_, let splits, _) = self { splits } else { 1 } }

    /// Specialization constants from 4 on.
    func constants(_ operands: ConvolutionOperands, subgroupSize: Int) -> [UInt32] {
        let axis = operands.horizontal
        let own: [Int] =
            switch self {
            case .depthwise(let pixels, let channels): [axis.taps, axis.stride, axis.dilation, pixels, channels]
            case .lanes(let pixels): [subgroupSize, pixels, Self.laneOutputs]
            case .few: [subgroupSize, Self.laneOutputs]
            case .tiled(let tile, let splits, let inChunks): [tile.rows, tile.outputs, splits, inChunks ? 1 : 0]
            case .plain: []
            }
        return [axis.isTransposed ? 1 : 0] + own.map { UInt32($0) }
    }
}

extension VulkanBackend {
    func launch(_ kernel: ConvolutionKernel, _ operands: ConvolutionOperands, _ name: String) throws -> Launch {
        let taps = operands.vertical.taps * operands.horizontal.taps
        func tiles(_ count: Int, of size: Int) -> Int { (count + size - 1) / size }
        switch kernel {
        case .depthwise(let pixels, let channels):
            let rows = operands.batch * operands.vertical.outputs
            return try launch(
                elements: rows * tiles(operands.horizontal.outputs, of: pixels) * (operands.outputChannels / channels),
                iterations: operands.vertical.taps + pixels, name)
        case .lanes(let pixels):
            let outputs = operands.groups * tiles(operands.groupOutputs, of: subgroupSize * ConvolutionKernel.laneOutputs)
            return try launch(
                groups: operands.phases * tiles(operands.batch * operands.phaseGrid, of: pixels) * outputs, of: (subgroupSize, 1),
                iterations: taps * (operands.groupInputs / 32 + 1) + pixels * ConvolutionKernel.laneOutputs, name)
        case .few:
            let outputs = subgroupSize * ConvolutionKernel.laneOutputs
            return try launch(
                groups: tiles(operands.outputPixels, of: subgroupSize) * tiles(operands.outputChannels, of: outputs),
                of: (subgroupSize, 1), iterations: taps + operands.rowElements + outputs, name)
        case .tiled(let tile, let splits, let inChunks):
            let count = tile.count(rows: operands.batch * operands.phaseGrid, outputs: operands.groupOutputs)
            let brought = inChunks ? tile.rows / 32 + 1 : (tile.rows + tile.outputs) / 8 + 2
            let finishing = tile.rows * tile.outputs / 256
            return try launch(
                groups: operands.phases * operands.groups * count * splits, of: (256, 1),
                iterations: tiles(tiles(operands.rowElements, of: 32), of: splits) * (33 + brought) + finishing, name)
        case .plain:
            return try launch(elements: operands.output.shape.count, iterations: taps + operands.rowElements, name)
        }
    }
}

extension ConvolutionOperands {
    /// The pixels of the result of a transposed convolution are of as many phases as there are strides (Shaders/convolution/phases.glsl).
    var phases: Int { vertical.isTransposed ? vertical.stride * horizontal.stride : 1 }

    /// The pixels of a phase in an image.
    var phaseGrid: Int {
        func extent(_ axis: ConvolutionAxis) -> Int { axis.isTransposed ? (axis.outputs + axis.stride - 1) / axis.stride : axis.outputs }
        return extent(vertical) * extent(horizontal)
    }
}
