import Tensors

extension VulkanBackend {
    /// The bytes that an invocation moves at once.
    private static let unitBytes = 16

    public func copy(_ operation: CopyOperation) throws {
        let name = operation.name
        let (walk, from, to) = (operation.walk, operation.source.dtype, operation.destination.dtype)
        _ = try count(operation.source, name)
        _ = try count(operation.destination, name)
        let source = try place(of: operation.source, name).from(element: walk.offsets[0], of: from)
        let destination = try place(of: operation.destination, name).from(element: walk.offsets[1], of: to)
        if family == .tiles, from == to, let transposition = Transposition(walk) {
            return try transpose(transposition, source, destination, from, name)
        }

        // Units of 16 bytes; of four elements where they change their type, 16 bytes of f32 and 8 of the others.
        let unit = from == to ? Self.unitBytes / from.blockBytes : 4
        let isInUnits =
            walk.isInMultiples(of: unit, operand: 0) && walk.isInMultiples(of: unit, operand: 1)
            && source.isAligned(to: unit * from.blockBytes) && destination.isAligned(to: unit * to.blockBytes)
        let width = isInUnits ? unit : 1
        let axes = walk.extents.count
        func inUnits(_ steps: [Int]) -> [Int] { [steps[axes - 1]] + steps.dropLast().reversed().map { $0 / width } }
        var arguments = KernelArguments()
        arguments.buffer(source, .read)
        arguments.buffer(destination, .write)
        arguments.number(UInt32(walk.count / width))
        arguments.numbers([walk.innerExtent / width] + walk.extents.dropLast().reversed(), count: 5, filling: 1)
        arguments.numbers(inUnits(walk.steps[0]), count: 5, filling: 0)
        arguments.numbers(inUnits(walk.steps[1]), count: 5, filling: 0)
        try run(
            "movement/copy", constants: [from.elementNumber, to.elementNumber, isInUnits ? 1 : 0, UInt32(axes)],
            launch(elements: walk.count / width, iterations: axes, name), arguments, name)
    }

    /// A copy through tiles, along memory on both sides.
    private func transpose(
        _ transposition: Transposition, _ source: DevicePlace, _ destination: DevicePlace, _ dtype: DType, _ name: String
    ) throws {
        var arguments = KernelArguments()
        arguments.buffer(source, .read)
        arguments.buffer(destination, .write)
        let planes = transposition.outer.reduce(1) { $0 * $1.extent }
        arguments.number(UInt32(planes))
        arguments.number(UInt32(transposition.rows))
        arguments.number(UInt32(transposition.columns))
        arguments.number(UInt32(transposition.columnStep))
        arguments.number(UInt32(transposition.rowStep))
        arguments.numbers(transposition.outer.map(\.extent), count: 3, filling: 1)
        arguments.numbers(transposition.outer.map(\.sourceStep), count: 3, filling: 0)
        arguments.numbers(transposition.outer.map(\.resultStep), count: 3, filling: 0)
        let edge = Transposition.edge
        let tiles = ((transposition.rows + edge - 1) / edge) * ((transposition.columns + edge - 1) / edge)
        try run(
            "movement/transpose", constants: [dtype.blockBytes == 2 ? 1 : 0],
            launch(groups: planes * tiles, of: (edge, 8), iterations: edge / 4 + 3, name), arguments, name)
    }

    public func pad(_ operation: PadOperation) throws {
        let name = "pad"
        let dtype = operation.x.dtype
        _ = try count(operation.x, name)
        _ = try count(operation.output, name)
        let x = try place(of: operation.x, name)
        let output = try place(of: operation.output, name)
        let inner = operation.extents.count - 1
        let unit = Self.unitBytes / dtype.blockBytes
        let isInUnits =
            operation.extents[inner] == operation.outputExtents[inner] && operation.before[inner] == 0
            && operation.extents[inner] % unit == 0 && x.isAligned(to: Self.unitBytes) && output.isAligned(to: Self.unitBytes)
        let width = isInUnits ? unit : 1
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(output, .write)
        arguments.number(UInt32(operation.output.shape.count / width))
        var (mode, constant): (UInt32, Float) = (0, 0)
        switch operation.padding {
        case .constant(let value): constant = value
        case .reflect: mode = 1
        case .replicate: mode = 2
        }
        arguments.number(dtype == .f16 ? UInt32(Float16(constant).bitPattern) : constant.bitPattern)
        arguments.numbers([operation.extents[inner] / width] + operation.extents.dropLast().reversed(), count: 5, filling: 1)
        arguments.numbers(operation.before.reversed(), count: 5, filling: 0)
        arguments.numbers([operation.outputExtents[inner] / width] + operation.outputExtents.dropLast().reversed(), count: 5, filling: 1)
        try run(
            "movement/pad", activations: dtype, constants: [mode, isInUnits ? 1 : 0, UInt32(inner + 1)],
            launch(elements: operation.output.shape.count / width, iterations: inner + 1, name), arguments, name)
    }

    public func upsample(_ operation: UpsampleOperation) throws {
        let name = "upsample"
        let (from, to, dtype) = (operation.x.shape, operation.output.shape, operation.x.dtype)
        _ = try count(operation.x, name)
        _ = try count(operation.output, name)
        let x = try place(of: operation.x, name)
        let output = try place(of: operation.output, name)
        let mode: UInt32 =
            switch operation.interpolation {
            case .nearest: 0
            case .bilinear(alignCorners: false): 1
            case .bilinear(alignCorners: true): 2
            }
        // Pixels that are copied go by 16 bytes, others by four channels.
        let unit = mode == 0 ? Self.unitBytes / dtype.blockBytes : 4
        let unitBytes = unit * dtype.blockBytes
        let isInUnits = to[3] % unit == 0 && x.isAligned(to: unitBytes) && output.isAligned(to: unitBytes)
        let width = isInUnits ? unit : 1
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(output, .write)
        arguments.numbers([to.count / width, from[1], from[2], to[1], to[2], to[3] / width], count: 6, filling: 0)
        arguments.real(UpsampleOperation.scale(extent: from[1], outputExtent: to[1]))
        arguments.real(UpsampleOperation.scale(extent: from[2], outputExtent: to[2]))
        try run(
            "movement/upsample", activations: dtype, constants: [mode, isInUnits ? 1 : 0],
            launch(elements: to.count / width, name), arguments, name)
    }
}

/// A walk whose inner axis is not the one along which the source lies in memory.
struct Transposition {
    /// The edge of a tile.
    static let edge = 32

    /// The axis along which the source lies in memory, and that along which the result does.
    let rows, columns: Int
    /// The source's step along the columns, and the result's along the rows.
    let columnStep, rowStep: Int
    /// The other axes, innermost first.
    let outer: [(extent: Int, sourceStep: Int, resultStep: Int)]

    /// - Returns: nil where the walk is no transposition, or too small a one to fill tiles.
    init?(_ walk: StridedWalk) {
        let inner = walk.extents.count - 1
        guard walk.innerStep(1) == 1, walk.innerStep(0) > 1, let other = (0..<inner).first(where: { walk.steps[0][$0] == 1 }),
            walk.extents[other] > 4, walk.extents[inner] > 4
        else { return nil }
        (rows, columns) = (walk.extents[other], walk.extents[inner])
        (columnStep, rowStep) = (walk.innerStep(0), walk.steps[1][other])
        outer = walk.extents.indices.reversed().filter { $0 != other && $0 != inner }.map {
            (walk.extents[$0], walk.steps[0][$0], walk.steps[1][$0])
        }
    }
}
