import Foundation
import Tensors
import VulkanRuntime

/// What the frequencies of a sinusoidal embedding depend on.
enum FrequencyTable: Hashable {
    /// base^(−2i/d) for each pair i of a rotary embedding.
    case rope(dimensions: Int, base: Float)
    /// scale · period^(−i / (n − shift)).
    case timesteps(TimestepFrequencies)

    /// The frequencies over 2π, each as the sum of two floats.
    var turns: [Float] {
        frequencies.flatMap { frequency in
            let exact = frequency / (2 * Double.pi)
            let high = Float(exact)
            return [high, Float(exact - Double(high))]
        }
    }

    private var frequencies: [Double] {
        switch self {
        case .rope(let dimensions, let base):
            (0..<dimensions / 2).map { pow(Double(base), -2 * Double($0) / Double(dimensions)) }
        case .timesteps(let options):
            (0..<options.count).map { index in
                let exponent = -Double(index) / (Double(options.count) - Double(options.shift))
                return Double(options.scale) * pow(Double(options.maximumPeriod), exponent)
            }
        }
    }
}

extension VulkanBackend {
    public func rope(_ operation: RopeOperation) throws {
        let name = "rope"
        let shape = operation.x.shape
        let x = try place(of: operation.x, name)
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(try place(of: operation.positions, name), .read)
        arguments.buffer(try turns(.rope(dimensions: operation.dimensions, base: operation.base)), .read)
        arguments.buffer(try operation.frequencyFactors.map { try place(of: $0, name) } ?? x, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(shape[0]))
        arguments.number(UInt32(shape[1]))
        arguments.number(UInt32(shape[2]))
        arguments.number(UInt32(operation.dimensions))
        arguments.number(operation.layout == .interleaved ? 1 : 0)
        arguments.number(operation.frequencyFactors == nil ? 0 : 1)
        let columns = shape[2] - operation.dimensions / 2
        try run(
            "elementwise/rope", types: ActivationTypes(operation.x.dtype, to: operation.output.dtype),
            launch(elements: shape[0] * columns, iterations: shape[1], name), arguments,
            name)
    }

    public func rotateAndStore(_ operation: RotateAndStoreOperation) throws {
        let name = "rotateAndStore"
        let (query, key) = (operation.query, operation.key)
        let (heads, keyHeads, channels) = (query.shape[1], key.shape[1], query.shape[2])
        guard max(heads, keyHeads, channels) < 1 << 16 else { return try separateRotateAndStore(operation) }
        for tensor in [query, key, operation.keyCache] { _ = try count(tensor, name) }
        let x = try place(of: query, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .readWrite)
        arguments.buffer(try place(of: key, name), .read)
        arguments.buffer(try place(of: operation.value, name), .read)
        arguments.buffer(try place(of: operation.positions, name), .read)
        arguments.buffer(try turns(.rope(dimensions: operation.dimensions, base: operation.base)), .read)
        arguments.buffer(try operation.frequencyFactors.map { try place(of: $0, name) } ?? x, .read)
        try arguments.append(places: operation.segments, self, name)
        arguments.buffer(try place(of: operation.keyCache, name), .write)
        arguments.buffer(try place(of: operation.valueCache, name), .write)
        arguments.number(UInt32(query.shape[0]))
        arguments.number(UInt32(heads | keyHeads << 16))
        arguments.number(UInt32(channels | operation.dimensions << 16))
        arguments.append(placeNumbers: operation.segments, cache: operation.keyCache)
        // Heads that share an angle.
        let each = 4
        let groups = (heads + each - 1) / each + (keyHeads + each - 1) / each
        let search = Int.bitWidth - operation.segments.count.leadingZeroBitCount
        try run(
            "elementwise/rotateAndStore", types: ActivationTypes(query.dtype, to: query.dtype),
            constants: [
                query.dtype.elementNumber, operation.keyCache.dtype.elementNumber, operation.layout == .interleaved ? 1 : 0,
                operation.frequencyFactors == nil ? 0 : 1, UInt32(each),
            ],
            launch(
                elements: query.shape[0] * groups * (channels - operation.dimensions / 2), iterations: max(each, search), name),
            arguments, name)
    }

    public func rotation(_ operation: RotationOperation) throws {
        let name = "rope"
        let shape = operation.x.shape
        let (channels, pairs) = (shape[2], operation.cosines.shape[1])
        let places = try [operation.x, operation.cosines, operation.sines, operation.output].map { try place(of: $0, name) }
        _ = try count(operation.x, name)
        _ = try count(operation.cosines, name)
        let isWide = channels % 4 == 0 && pairs % 4 == 0 && places.allSatisfy { $0.isAligned(to: 16) }
        let width = isWide ? 4 : 1
        var arguments = KernelArguments()
        for place in places.dropLast() { arguments.buffer(place, .read) }
        arguments.buffer(places[3], .write)
        arguments.number(UInt32(shape[0] * shape[1]))
        arguments.number(UInt32(shape[1]))
        arguments.number(UInt32(operation.cosines.shape[0]))
        arguments.number(UInt32(channels / width))
        arguments.number(UInt32(pairs / width))
        let columns = (channels - pairs) / width
        try run(
            "elementwise/rotation", types: ActivationTypes(operation.x.dtype, to: operation.output.dtype),
            constants: [operation.layout == .interleaved ? 1 : 0, UInt32(width)],
            launch(elements: shape[0] * shape[1] * columns, name), arguments, name)
    }

    public func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws {
        let name = "timestepEmbedding"
        let frequencies = operation.frequencies
        _ = try count(operation.output, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.timesteps, name), .read)
        arguments.buffer(try turns(.timesteps(frequencies)), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        let rows = operation.timesteps.shape[0]
        arguments.number(UInt32(rows))
        arguments.number(UInt32(frequencies.channels))
        arguments.number(frequencies.cosinesFirst ? 1 : 0)
        try run(
            "elementwise/timestepEmbedding", activations: operation.output.dtype, launch(elements: rows * frequencies.count, name),
            arguments, name)
    }

    /// The table on the device, made when it is first asked for.
    private func turns(_ table: FrequencyTable) throws -> DevicePlace {
        if let known = frequencyTables[table] { return DevicePlace(buffer: known, byteOffset: 0, byteCount: known.byteCount) }
        let turns = table.turns
        let byteCount = turns.count * MemoryLayout<Float>.stride
        let buffer = try translatingErrors("rope") {
            try stream.suspendingRecording {
                let buffer = try device.makeBuffer(byteCount: byteCount)
                try turns.withUnsafeBytes { try stream.upload($0, to: buffer) }
                return buffer
            }
        }
        frequencyTables[table] = buffer
        return DevicePlace(buffer: buffer, byteOffset: 0, byteCount: byteCount)
    }
}
