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
