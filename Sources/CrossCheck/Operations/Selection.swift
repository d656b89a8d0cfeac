import Tensors

extension CheckedOperation {
    static let argmax = CheckedOperation(
        name: "argmax", summary: "the index of the largest element of each row, the lowest of equal ones",
        tolerance: "the same index", defaultCases: 60
    ) { index, generator, _ in
        let (rows, count) = selectionShape(index, &generator)
        let dtype = generator.activationType()
        let x = selectionValues(rows * count, dtype, &generator)
        return CheckCase(shapes: "x [\(rows), \(count)] \(dtype)") { device in
            let result = try device.backend.argmax(device.input(x, [rows, count], dtype, "x"), into: device.output([rows], .i32))
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
        let limit = min(count, 256)
        let chosen = generator.pick([1, limit, generator.integer(in: 1...limit), min(40, limit)])
        let dtype = generator.activationType()
        let x = selectionValues(rows * count, dtype, &generator)
        return CheckCase(shapes: "x [\(rows), \(count)] \(dtype), count \(chosen)") { device in
            try device.poisonMemory([rows, chosen], .f32, count: 2)
            let (values, indices) = try device.backend.topK(device.input(x, [rows, count], dtype, "x"), count: chosen)
            return [try device.read(values), try device.read(indices)]
        } tolerances: { _, _ in
            // Zeros of both signs are equal, so that the lower index decides: the bits follow from it.
            [[Double](repeating: 0, count: rows * chosen), []]
        }
    }

    static let sample = CheckedOperation(
        name: "sample", summary: "a token a row, drawn by given uniform numbers, with temperature, top-k and top-p",
        tolerance: "the same token", defaultCases: 60
    ) { index, generator, _ in
        let (rows, count) = selectionShape(index, &generator)
        let dtype = generator.activationType()
        let x = selectionValues(rows * count, dtype, &generator)
        let uniforms = (0..<rows).map { _ in generator.chance(0.1) ? generator.pick([0, 1, 0x1.fffffep-1]) : Float(generator.uniform()) }
        let options = SamplingOptions(
            temperature: generator.pick([1, 0.7, 0.01, 5]),
            topK: generator.chance(0.5) ? generator.pick([1, 2, 40, generator.integer(in: 1...count), count + 5]) : nil,
            topP: generator.chance(0.5) ? generator.pick([0, 0.3, 0.9, 0.999, Float(generator.uniform())]) : 1)
        return CheckCase(shapes: "x [\(rows), \(count)] \(dtype), \(options)") { device in
            let tokens = try device.backend.sample(
                device.input(x, [rows, count], dtype, "x"), uniforms: device.input(uniforms, [rows], "the uniform numbers"), options,
                into: device.output([rows], .i32))
            return [try device.read(tokens)]
        } tolerances: { _, _ in
            [[]]
        }
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
