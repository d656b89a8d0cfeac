import Tensors

extension CheckedOperation {
    /// Sums are compensated or wider than f32: the two roundings of a pair, the division (2.5 ulp) and one of the result; the reference is
    /// rounded once more. What the pair loses is of the order u²·n.
    static let reduce = CheckedOperation(
        name: "reduce", summary: "the mean, sum, maximum or minimum along an axis, or over the pixels",
        tolerance: "sum and mean: (8u + n·2u²)·|y| + n·2u²·Σ|x|; otherwise equal; the rounding of f16", defaultCases: 64
    ) { index, generator, _ in
        let reduction = Reduction.allCases[index % Reduction.allCases.count]
        let rank = generator.integer(in: 1...4)
        var extents = (0..<rank).map { _ in generator.extent(atMost: [513, 65, 17, 9][rank - 1]) }
        let first = generator.integer(in: 0...rank - 1)
        let axes = first...(generator.chance(0.3) ? generator.integer(in: first...rank - 1) : first)
        if index == 0 { extents[(axes.lowerBound + 1) % rank] = rank == 1 ? extents[0] : 0 }
        if index % 9 == 7 { extents[axes.lowerBound] = generator.pick([1000, 2049]) }
        let shape = Shape(extents)
        let keepsAxes = generator.chance(0.4)
        let (dtype, resultType) = (generator.activationType(), generator.activationType())
        var x = generator.values(shape.count, generator.pick([.ordinary, .wide]), dtype)
        if reduction == .max || reduction == .min {
            for index in x.indices where generator.chance(0.005) { x[index] = generator.pick([.infinity, -.infinity, .nan]) }
        } else if resultType == .f16 {
            // Sums that f16 has.
            x = x.map { max(-16, min(16, $0)) }
        }
        let resultShape = Shape(
            extents.indices.compactMap { axes.contains($0) ? (keepsAxes ? 1 : nil) : extents[$0] })
        let description = "\(reduction) of x \(shape) \(dtype) over axes \(axes)\(keepsAxes ? ", kept" : ""), as \(resultType)"
        return CheckCase(shapes: description) { [x] device in
            let result = try device.backend.reduce(
                device.input(x, shape, dtype, "x"), reduction, axes: axes, keepsAxes: keepsAxes, as: resultType,
                into: device.output(resultShape, resultType))
            return [try device.read(result)]
        } tolerances: { [x] _, _ in
            let (extent, inner) = (extents[axes].reduce(1, *), extents[(axes.upperBound + 1)...].reduce(1, *))
            return [
                (0..<resultShape.count).map { element in
                    let column = (0..<extent).map { Double(x[(element / inner * extent + $0) * inner + element % inner]) }
                    // Zeros of both signs are equal.
                    let equal = Double(Float.leastNonzeroMagnitude) / 2
                    guard reduction == .mean || reduction == .sum else {
                        let value = reduction == .max ? column.max()! : column.min()!
                        return equal + (dtype == .f32 ? RoundOff.storing(resultType, value) : 0)
                    }
                    let divisor = reduction == .mean ? Double(extent) : 1
                    let (sum, size) = (column.reduce(0, +) / divisor, column.reduce(0) { $0 + abs($1) } / divisor)
                    let pair = Double(extent) * 2 * RoundOff.unit * RoundOff.unit
                    let error = (8 * RoundOff.unit + pair) * abs(sum) + pair * size + 2 * RoundOff.flush
                    return error + RoundOff.storing(resultType, abs(sum) + error)
                }
            ]
        }
    }
}
