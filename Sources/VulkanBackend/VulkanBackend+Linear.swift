import Tensors
import VulkanRuntime

extension VulkanBackend {
    /// A matrix product with its epilogue in the same kernel.
    public func linear(_ operation: LinearOperation) throws {
        switch productMethod {
        case .scalar: try scalarLinear(operation)
        case .matrix(let plan): try matrixLinear(operation, plan)
        case .automatic:
            if let plan = try matrixPlan(operation) { try matrixLinear(operation, plan) } else { try scalarLinear(operation) }
        }
    }

    /// ``linear(_:)`` by plain arithmetic, in f32.
    func scalarLinear(_ operation: LinearOperation) throws {
        let name = "linear"
        var x = try place(of: operation.x, name)
        let weight = try place(of: operation.weight, name)
        let dtype = operation.weight.dtype
        let kernel: LinearKernel
        if let tile = try matvecTile(operation) {
            x = try aligned(x, name)
            kernel = .matvec(tile)
        } else if dtype.isQuantised || operation.inputChannels % 32 == 0 && weight.isAligned(to: 16) && x.isAligned(to: 16) {
            x = try aligned(x, name)
            kernel = family == .lanes ? .lanes(tileRows: LinearKernel.tileRows(operation.rows)) : .matmul(scalarTile)
        } else {
            kernel = .anyLength
        }

        // Quantised weights are indexed by chunk.
        _ = try count(kernel == .anyLength ? operation.weight.shape.count : operation.weight.shape.count / 32, name)
        let arguments = try linearArguments(operation, x: x, result: place(of: operation.output, name))
        try run(
            "linear/\(kernel.shader)-\(dtype.rawValue)", types: operation.types,
            constants: kernel.constants(subgroupSize: subgroupSize), launch(kernel, operation, name), arguments, name)
    }

    /// The layout of a product with few rows; nil where there are more, or where the operands do not fit.
    /// - Parameter isInGroup: Whether it shares a dispatch with others.
    func matvecTile(_ operation: LinearOperation, isInGroup: Bool = false) throws -> MatvecTile? {
        guard family == .tiles, operation.rows <= LinearKernel.mostMatvecRows || isBatchInvariant, try loadsPieces(operation) else {
            return nil
        }
        return MatvecTile(
            operation, matvecShape, subgroupSize: subgroupSize, registers: isInGroup || isBatchInvariant ? groupRegisters : registers,
            splices: splicesIntegers,
            rounds: roundsActivations(rows: operation.rows, channels: operation.inputChannels, weight: operation.weight.dtype),
            isInvariant: isBatchInvariant)
    }

    /// Whether the operands fit common/weightPieces.glsl: loads of 16 bytes of plain types, and weights that are counted by element.
    func loadsPieces(_ operation: LinearOperation) throws -> Bool {
        guard operation.weight.shape.count < UInt32.max else { return false }
        return try operation.weight.dtype.isQuantised
            || operation.inputChannels % 8 == 0 && place(of: operation.x, "linear").isAligned(to: 16)
                && place(of: operation.weight, "linear").isAligned(to: 16)
    }

    /// The arguments of linear/epilogue.glsl.
    func linearArguments(_ operation: LinearOperation, x: DevicePlace, result: DevicePlace) throws -> KernelArguments {
        let name = "linear"
        let transport = try transportArguments(operation.transport, on: operation.output.shape, unused: x, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(try place(of: operation.weight, name), .read)
        arguments.buffer(result, .write)
        arguments.append(transport)
        arguments.buffer(try operation.bias.map { try place(of: $0, name) } ?? x, .read)
        arguments.buffer(try operation.residual.map { try place(of: $0, name) } ?? x, .read)
        _ = try count(operation.x, name)
        _ = try count(operation.output, name)
        arguments.number(UInt32(operation.rows))
        arguments.number(UInt32(operation.inputChannels))
        arguments.number(UInt32(operation.outputChannels))
        arguments.number(operation.activation.kernelNumber)
        arguments.number((operation.bias == nil ? 0 : 1) | (operation.residual == nil ? 0 : 2))
        arguments.appendNumbers(transport)
        return arguments
    }

    /// The same bytes at a multiple of 16, where kernels load four floats at a time.
    func aligned(_ place: DevicePlace, _ operation: String) throws -> DevicePlace {
        if place.isAligned(to: 16) { return place }
        return try translatingErrors(operation) {
            let buffer = try device.makeBuffer(byteCount: place.byteCount)
            try stream.copy(
                from: place.buffer, byteOffset: place.byteOffset, to: buffer, byteOffset: 0, byteCount: place.byteCount)
            return DevicePlace(buffer: buffer, byteOffset: 0, byteCount: place.byteCount, shape: place.shape)
        }
    }

    /// - Parameters:
    ///   - rows: Of x.
    ///   - outputTiles: For each tile of rows.
    ///   - passes: Over the channels.
    func matvecLaunch(_ tile: MatvecTile, rows: Int, outputTiles: Int, channels: Int, passes: Int = 1, _ name: String) throws -> Launch {
        let rowTiles = (rows + tile.rows - 1) / tile.rows
        let lanes = tile.lanes == 0 ? subgroupSize : tile.lanes
        let invocations = tile.groupInvocations(
            rowTiles: rowTiles, outputTiles: outputTiles, subgroupSize: subgroupSize, processors: processors)
        let subgroups = max(1, invocations / subgroupSize)
        let groupTiles = subgroups * (subgroupSize / lanes)
        func groups(_ tiles: Int) -> Int { (tiles + groupTiles - 1) / groupTiles }
        // Those that round x have rows of their own.
        return try launch(
            groups: tile.section > 0 ? rowTiles * groups(outputTiles) : groups(rowTiles * outputTiles), of: (subgroups * subgroupSize, 1),
            iterations: passes * (channels / 8 + (tile.section > 0 ? tile.rows * channels / 16 : 0)), name)
    }

    private func launch(_ kernel: LinearKernel, _ operation: LinearOperation, _ name: String) throws -> Launch {
        let chunks = operation.inputChannels / 32
        func tiles(_ rows: Int, _ outputs: Int) -> Int {
            ((operation.rows + rows - 1) / rows) * ((operation.outputChannels + outputs - 1) / outputs)
        }
        switch kernel {
        case .lanes(let tileRows):
            let groups = tiles(tileRows, subgroupSize * LinearKernel.laneOutputs)
            return try launch(groups: groups, of: (subgroupSize, 1), iterations: chunks, name)
        case .matvec(let tile):
            return try matvecLaunch(
                tile, rows: operation.rows, outputTiles: (operation.outputChannels + tile.outputs - 1) / tile.outputs,
                channels: operation.inputChannels, name)
        case .matmul(let tile):
            // Beside the 32 channels of a chunk, the barrier's own and the rows that an invocation loads.
            return try launch(
                groups: tiles(tile.rows, tile.outputs), of: (256, 1), iterations: (33 + tile.rows / 32 + 1) * chunks, name)
        case .anyLength:
            return try launch(elements: tiles(4, 1), iterations: operation.inputChannels + chunks + 1, name)
        }
    }
}

extension LinearOperation {
    var types: ActivationTypes { ActivationTypes(x.dtype, to: output.dtype, residual?.dtype) }
}

/// The kernels of ``VulkanBackend/linear(_:)``. Each has a shader of its own with a variant for each weight type.
enum LinearKernel: Equatable {
    /// Rows in registers, the lanes of a subgroup over outputs.
    case lanes(tileRows: Int)
    /// A few rows in registers, the lanes of a subgroup over channels.
    case matvec(MatvecTile)
    /// Tiles of rows and outputs in shared memory.
    case matmul(ScalarTile)
    /// Rows that are no whole number of chunks.
    case anyLength

    /// The outputs of each lane of ``lanes(tileRows:)``.
    static let laneOutputs = 2
    /// The most rows for which reading the weights is most of the work.
    static let fewRows = 8
    /// The most rows by plain arithmetic that are taken eight at a time, each with its own decoding of the weights, which caches give the
    /// second time. Eight rows cost a weight some 2 instructions and 8 multiply-adds, so that 16 rows cost 20; in the smallest tile of
    /// ``matmul(_:)`` a weight costs 32 multiply-adds, beyond the rows, too, and with 12 loads from shared memory for each 32 some 44.
    static let mostMatvecRows = 16

    /// The rows in registers: three sizes, so that there are few pipelines to compile.
    static func tileRows(_ rows: Int) -> Int { [1, 4].first { rows <= $0 } ?? 8 }

    var shader: String {
        switch self {
        case .lanes: "lanes"
        case .matvec(let tile): tile.section > 0 ? "roundedMatvec" : "matvec"
        case .matmul: "matmul"
        case .anyLength: "anyLength"
        }
    }

    /// Specialization constants from 4 on.
    func constants(subgroupSize: Int) -> [UInt32] {
        switch self {
        case .lanes(let tileRows): [UInt32(subgroupSize), UInt32(tileRows), UInt32(Self.laneOutputs)]
        case .matvec(let tile): tile.constants
        case .matmul(let tile): [UInt32(tile.rows), UInt32(tile.outputs)]
        case .anyLength: []
        }
    }
}

extension Activation {
    /// The number of the function in the shaders.
    var kernelNumber: UInt32 {
        switch self {
        case .identity: 0
        case .silu: 1
        case .gelu: 2
        case .geluTanh: 3
        case .geluQuick: 4
        case .relu: 5
        case .sigmoid: 6
        case .tanh: 7
        }
    }
}
