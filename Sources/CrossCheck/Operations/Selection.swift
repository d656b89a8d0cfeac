import Tensors

extension CheckedOperation {
    static let argmax = CheckedOperation(
        name: "argmax", summary: "the index of the largest element of each row, the lowest of equal ones",
        tolerance: "the same index", defaultCases: 60
    ) { index, generator, _ in
        let (rows, count) = selectionShape(index, &generator)
        let dtype = generator.activationType()
        let x = selectionValues(rows * count, dtype, &generator)
        // Rows of a matrix, of a batch of matrices, and one row alone.
        let leading = rows == 1 ? [] : rows % 2 == 0 ? [2, rows / 2] : [rows]
        let (shape, result) = (Shape(leading + [count]), Shape(leading))
        return CheckCase(shapes: "x \(shape) \(dtype)") { device in
            let result = try device.backend.argmax(device.input(x, shape, dtype, "x"), into: device.output(result, .i32))
            return [try device.read(result)]
        } tolerances: { _, _ in
            [[]]
        }
    }

    static let topK = CheckedOperation(
        name: "topK", summary: "the largest elements of each row, descending, of equal ones the lower index first",
        tolerance: "the same indices and values", defaultCases: 60
    ) { index, generator, _ in
        let (rows, count) = selectionShape(index, &generator)
        // Most rows give up to a page of results; some give all, or more than a kernel selects at once.
        let limit = generator.chance(0.3) ? min(count, 2000) : min(count, 256)
        let chosen = generator.pick([1, limit, generator.integer(in: 1...limit), min(40, limit)])
        let isGiven = index % 3 != 0
        let dtype = generator.activationType()
        let x = selectionValues(rows * count, dtype, &generator)
        return CheckCase(shapes: "x [\(rows), \(count)] \(dtype), count \(chosen)") { device in
            if isGiven {
                let output = (
                    try device.output([rows, chosen], .f32, "the values"), try device.output([rows, chosen], .i32, "the indices")
                )
                let (values, indices) = try device.backend.topK(
                    device.input(x, [rows, count], dtype, "x"), count: chosen, into: output)
                return [try device.read(values), try device.read(indices)]
            }
            try device.poisonMemory([rows, chosen], .f32, count: 2)
            let (values, indices) = try device.backend.topK(device.input(x, [rows, count], dtype, "x"), count: chosen)
            return [try device.read(values), try device.read(indices)]
        } tolerances: { _, _ in
            // Zeros of both signs are equal, so that the lower index decides: the bits follow from it.
            [[Double](repeating: 0, count: rows * chosen), []]
        }
    }

    static let sample = CheckedOperation(
        name: "sample",
        summary: "a token a row, drawn by given uniform numbers, with repetition penalty, temperature, top-k and top-p of each row's own",
        tolerance: "the same token, and the same sets of seen tokens", defaultCases: 80
    ) { index, generator, _ in
        let (rows, count) = selectionShape(index, &generator)
        let dtype = generator.activationType()
        let x = (0..<rows).flatMap { _ in sampledValues(count, dtype, &generator) }
        let uniforms = (0..<rows).map { _ in generator.chance(0.1) ? generator.pick([0, 1, 0x1.fffffep-1]) : Float(generator.uniform()) }
        let options = (0..<rows).map { _ in
            SamplingOptions(
                temperature: generator.pick([1, 0.7, 0.01, 5, 0]),
                topK: generator.chance(0.5) ? generator.pick([1, 2, 40, generator.integer(in: 1...count), count + 5]) : nil,
                topP: generator.chance(0.5) ? generator.pick([0, 0.3, 0.9, 0.999, Float(generator.uniform())]) : 1,
                repetitionPenalty: generator.pick([1, 1, 1.1, 1.3, 5, 0.5]))
        }
        // More sets than rows, in another order; here and there a row has none.
        let setCount = rows + generator.integer(in: 0...2)
        let words = SeenTokens.words(vocabulary: count)
        let density = generator.pick([0, 0.02, 0.5, 1])
        let sets =
            generator.chance(0.3)
            ? nil
            : (0..<setCount).flatMap { _ in
                SeenTokens.set(of: (0..<Int32(count)).filter { _ in generator.chance(density) }, vocabulary: count)
            }
        let setOfRow = generator.permutation(setCount).prefix(rows).map { generator.chance(0.1) ? -1 : Int32($0) }
        return CheckCase(shapes: "x [\(rows), \(count)] \(dtype), \(sets == nil ? "no sets" : "sets \(setOfRow)"), \(options)") { device in
            let seen = try sets.map {
                SeenTokens(
                    sets: try device.changing($0, [setCount, words], "the sets"), rows: try device.input(setOfRow, [rows], "the rows' sets")
                )
            }
            let tokens = try device.backend.sample(
                device.input(x, [rows, count], dtype, "x"), uniforms: device.input(uniforms, [rows], "the uniform numbers"),
                options: device.input(options.flatMap { try $0.row() }, [rows, SamplingOptions.numbers], "the options"), seen: seen,
                into: device.output([rows], .i32))
            return [try device.read(tokens)] + (try seen.map { [try device.read($0.sets)] } ?? [])
        } tolerances: { _, outputs in
            outputs.map { _ in [] }
        }
    }

    /// Logits of a row: of any kind where it may be refused, finite or −∞ in most.
    private static func sampledValues(_ count: Int, _ dtype: DType, _ generator: inout CheckGenerator) -> [Float] {
        let values = selectionValues(count, dtype, &generator)
        if generator.chance(0.2) { return values }
        // Few distinct ones in the place of the others, so that ties stay.
        let others: [Float] = [-3, 0.5, 2, -.infinity]
        return values.enumerated().map { $1 < .infinity && $1 > -1e20 ? $1 : others[$0 % (count == 1 ? 1 : others.count)] }
    }

    /// Now and then a vocabulary.
    private static func selectionShape(_ index: Int, _ generator: inout CheckGenerator) -> (rows: Int, count: Int) {
        switch index % 12 {
        case 0: (0, generator.extent(atMost: 100))
        case 5: (generator.integer(in: 1...2), generator.pick([4096, 10_007, 49_152]))
        default: (generator.extent(atMost: 33), generator.extent(atMost: 513))
        }
    }

    /// Values with ties: from few distinct ones, with infinities and NaN among them, or all the same.
    private static func selectionValues(_ count: Int, _ dtype: DType, _ generator: inout CheckGenerator) -> [Float] {
        let values = selectionValues(count, &generator)
        return dtype == .f32 ? values : values.map { Float(Float16($0)) }
    }

    private static func selectionValues(_ count: Int, _ generator: inout CheckGenerator) -> [Float] {
        switch generator.integer(in: 0...5) {
        case 0: return (0..<count).map { _ in Float(generator.integer(in: -3...3)) }
        case 1: return [Float](repeating: generator.pick([-1, 0, -.infinity, .nan]), count: count)
        case 2: return (0..<count).map { _ in generator.pick([0, -0.0, -1, -.infinity, .nan]) }
        case 3:
            return (0..<count).map { _ in
                generator.chance(0.1) ? generator.pick([.infinity, -.infinity, .nan, 1e30, -1e30]) : Float(generator.normal())
            }
        default: return generator.values(count, generator.pick([.ordinary, .wide]))
        }
    }
}
