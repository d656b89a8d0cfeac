import Tensors

extension CheckedOperation {
    /// Every product of scale and integer is exact in f32 and an offset is added with one rounding, so that decoding is exact; only
    /// the sign of a zero depends on the way.
    static let embedding = CheckedOperation(
        name: "embedding", summary: "rows of a table of every weight type, decoded; zeros for an index outside",
        tolerance: "equal values, as decoding is exact; the rounding of f16", defaultCases: 66
    ) { index, generator, _ in
        let dtype = CheckWeight.types[index % CheckWeight.types.count]
        let channels = CheckWeight.columns(dtype, atMost: 520, &generator)
        let table = CheckWeight(rows: generator.extent(atMost: 65), columns: channels, dtype, &generator)
        let count = index >= 44 && generator.chance(0.2) ? 0 : generator.extent(atMost: 65)
        let indices = rowIndices(count, among: table.shape[0], &generator)
        let result = generator.activationType()
        return CheckCase(shapes: "\(count) indices, table \(table.shape) \(dtype), as \(result)") { device in
            let decoded = try device.backend.embedding(
                device.input(indices, [count], "the indices"), table: device.weight(table), as: result,
                into: device.output([count, channels], result))
            return [try device.read(decoded)]
        } tolerances: { _, outputs in
            [outputs[0].floats.map { RoundOff.storing(result, Double($0)) + Double(Float.leastNonzeroMagnitude) / 2 }]
        }
    }

    static let gatherRows = CheckedOperation(
        name: "gatherRows", summary: "rows of an activation by their indices, zeros for an index outside", tolerance: "the same bits",
        defaultCases: 40
    ) { index, generator, _ in
        let dtype = generator.activationType()
        let (rows, count) = (generator.extent(atMost: 65), index == 0 ? 0 : generator.extent(atMost: 65))
        let rest = generator.chance(0.5) ? [generator.extent(atMost: 257)] : [generator.integer(in: 1...5), generator.extent(atMost: 64)]
        let shape = Shape([rows] + rest)
        let x = generator.values(shape.count, .special, dtype)
        let indices = rowIndices(count, among: rows, &generator)
        return CheckCase(shapes: "\(count) indices, x \(shape) \(dtype)") { device in
            let gathered = try device.backend.gatherRows(
                device.input(x, shape, dtype, "x"), at: device.input(indices, [count], "the indices"),
                into: device.output(Shape([count] + rest), dtype))
            return [try device.read(gathered)]
        } tolerances: { _, outputs in
            exact(outputs)
        }
    }

    /// A copy: the same bits, in the rows that are named and in those that are not. To f16 every device rounds to the nearest.
    static let scatterRows = CheckedOperation(
        name: "scatterRows", summary: "rows copied over those of a destination of either type, indices outside left out",
        tolerance: "the same bits", defaultCases: 60
    ) { index, generator, _ in
        let (from, to) = (generator.activationType(), generator.activationType())
        let count = index == 0 ? 0 : generator.extent(atMost: 65)
        let destinationRows = count + generator.integer(in: 0...20) + 1
        let rest = generator.chance(0.5) ? [generator.extent(atMost: 257)] : [generator.integer(in: 1...5), generator.extent(atMost: 64)]
        let channels = rest.reduce(1, *)
        let rows = generator.values(count * channels, .special, from)
        let destination = generator.normals(destinationRows * channels, to)
        var indices = generator.permutation(destinationRows).prefix(count).map(Int32.init)
        for index in indices.indices where generator.chance(0.08) {
            // Distinct, as all indices must be.
            indices[index] = generator.chance(0.5) ? Int32(destinationRows + index) : Int32(-1 - index)
        }
        let description = "rows \(Shape([count] + rest)) \(from) into \(Shape([destinationRows, channels])) \(to)"
        return CheckCase(shapes: description) { [indices] device in
            let output = try device.output([destinationRows, channels], to, initial: destination, "the destination")
            try device.backend.scatterRows(
                device.input(rows, Shape([count] + rest), from, "the rows"), into: output,
                at: device.input(indices, [count], "the indices"))
            return [try device.read(output)]
        } tolerances: { _, outputs in
            exact(outputs)
        }
    }

    /// A copy, as scatterRows is one.
    static let storeKeys = CheckedOperation(
        name: "storeKeys", summary: "new keys and values of packed sequences into a cache of slots or of blocks",
        tolerance: "the same bits",
        defaultCases: 60
    ) { index, generator, _ in
        let (from, to) = (generator.activationType(), generator.activationType())
        let draw = StoreDraw(isEmpty: index == 0, &generator)
        let (rows, table) = (draw.rows, draw.table)
        let rest = generator.chance(0.5) ? [generator.extent(atMost: 257)] : [generator.integer(in: 1...5), generator.extent(atMost: 64)]
        let cacheShape = Shape([table.blockCount, table.blockSize] + rest)
        let inputs = (0..<2).map { _ in generator.values(rows * rest.reduce(1, *), .special, from) }
        let caches = (0..<2).map { _ in generator.normals(cacheShape.count, to) }
        let description = "rows \(Shape([rows] + rest)) \(from) into \(cacheShape) \(to), "
        return CheckCase(shapes: description + draw.description) { device in
            let outputs = try caches.map { try device.output(cacheShape, to, initial: $0, "a cache") }
            let sources = try inputs.map { try device.input($0, Shape([rows] + rest), from, "the rows") }
            try device.backend.storeKeys(
                sources[0], values: sources[1], into: outputs[0], outputs[1],
                segments: draw.segments(on: device))
            return try outputs.map { try device.read($0) }
        } tolerances: { _, outputs in
            outputs.flatMap { exact([$0]) }
        }
    }

    /// Row indices, one of ten of which is outside.
    private static func rowIndices(_ count: Int, among rows: Int, _ generator: inout CheckGenerator) -> [Int32] {
        (0..<count).map { _ in
            Int32(
                generator.chance(0.1)
                    ? generator.pick([-1, rows, rows + 5, Int(Int32.max), Int(Int32.min)]) : generator.integer(in: 0...rows - 1))
        }
    }
}
