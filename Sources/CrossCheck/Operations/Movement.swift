import Tensors

extension CheckedOperation {
    /// Every product of scale and integer is exact in f32 and an offset is added with one rounding, so that decoding is exact; only
    /// the sign of a zero depends on the way.
    static let embedding = CheckedOperation(
        name: "embedding", summary: "rows of a table of every weight type, decoded; zeros for an index outside",
        tolerance: "equal values, as decoding is exact", defaultCases: 55
    ) { index, generator, _ in
        let dtype = CheckWeight.types[index % CheckWeight.types.count]
        let channels = CheckWeight.columns(dtype, atMost: 520, &generator)
        let table = CheckWeight(rows: generator.extent(atMost: 65), columns: channels, dtype, &generator)
        let count = index >= 44 && generator.chance(0.2) ? 0 : generator.extent(atMost: 65)
        let entries = table.shape[0]
        let indices = (0..<count).map { _ in
            Int32(
                generator.chance(0.1)
                    ? generator.pick([-1, entries, entries + 5, Int(Int32.max), Int(Int32.min)]) : generator.integer(in: 0...entries - 1))
        }
        return CheckCase(shapes: "\(count) indices, table \(table.shape) \(dtype)") { device in
            let result = try device.backend.embedding(
                device.input(indices, [count], "the indices"), table: device.weight(table), into: device.output([count, channels]))
            return [try device.read(result)]
        } tolerances: { _, _ in
            [[Double](repeating: Double(Float.leastNonzeroMagnitude) / 2, count: count * channels)]
        }
    }

    /// A copy: the same bits, in the rows that are named and in those that are not.
    static let scatterRows = CheckedOperation(
        name: "scatterRows", summary: "rows copied over those of a destination, indices outside left out",
        tolerance: "the same bits", defaultCases: 40
    ) { index, generator, _ in
        let count = index == 0 ? 0 : generator.extent(atMost: 65)
        let destinationRows = count + generator.integer(in: 0...20) + 1
        let rest = generator.chance(0.5) ? [generator.extent(atMost: 257)] : [generator.integer(in: 1...5), generator.extent(atMost: 64)]
        let channels = rest.reduce(1, *)
        let rows = generator.values(count * channels, .special)
        let destination = generator.normals(destinationRows * channels)
        var indices = generator.permutation(destinationRows).prefix(count).map(Int32.init)
        for index in indices.indices where generator.chance(0.08) {
            // Distinct, as all indices must be.
            indices[index] = generator.chance(0.5) ? Int32(destinationRows + index) : Int32(-1 - index)
        }
        return CheckCase(shapes: "rows \(Shape([count] + rest)) into \(Shape([destinationRows, channels]))") { [indices] device in
            let output = try device.output([destinationRows, channels], initial: destination, "the destination")
            try device.backend.scatterRows(
                device.input(rows, Shape([count] + rest), "the rows"), into: output,
                at: device.input(indices, [count], "the indices"))
            return [try device.read(output)]
        } tolerances: { _, _ in
            [[Double](repeating: 0, count: destinationRows * channels)]
        }
    }
}
