import Tensors

extension CheckedOperation {
    private static let movedTypes: [DType] = [.f32, .f16, .bf16, .i32]

    static let concat = CheckedOperation(
        name: "concat", summary: "tensors one after the other along any axis", tolerance: "the same bits", defaultCases: 60
    ) { index, generator, _ in
        let dtype = movedTypes[index % movedTypes.count]
        var extents = moveShape(&generator)
        let axis = generator.integer(in: 0...extents.count - 1)
        let parts = (0..<generator.integer(in: 1...4)).map { _ in
            generator.chance(0.1) ? 0 : generator.chance(0.3) ? extents[axis] : generator.extent(atMost: 65)
        }
        let tensors = parts.map { part in
            var shape = extents
            shape[axis] = part
            return MovedTensor(Shape(shape), dtype, &generator)
        }
        extents[axis] = parts.reduce(0, +)
        let result = Shape(extents)
        let given = generator.chance(0.5) ? axis : axis - extents.count
        return CheckCase(shapes: "\(tensors.map { "\($0.shape)" }.joined(separator: ", ")) \(dtype) along axis \(given)") { device in
            let inputs = try tensors.map { try $0.input(on: device, "a part") }
            return [try device.readMoved(device.backend.concat(inputs, axis: given, into: device.movedOutput(result, dtype)))]
        } tolerances: { _, outputs in
            exact(outputs)
        }
    }

    static let slice = CheckedOperation(
        name: "slice", summary: "a range of any axis, or the parts of a split", tolerance: "the same bits", defaultCases: 60
    ) { index, generator, _ in
        let dtype = movedTypes[index % movedTypes.count]
        let extents = moveShape(&generator)
        let x = MovedTensor(Shape(extents), dtype, &generator)
        let axis = generator.integer(in: 0...extents.count - 1)
        let lower = generator.chance(0.3) ? 0 : generator.integer(in: 0...extents[axis])
        let upper = generator.chance(0.3) ? extents[axis] : generator.integer(in: lower...extents[axis])
        if generator.chance(0.3) {
            let parts = [lower, upper - lower, extents[axis] - upper]
            return CheckCase(shapes: "x \(x.shape) \(dtype), axis \(axis) into \(parts)") { device in
                let input = try x.input(on: device, "x")
                for part in parts {
                    var shape = extents
                    shape[axis] = part
                    try device.poisonMemory(Shape(shape), dtype, count: 1)
                }
                return try device.backend.split(input, axis: axis, into: parts).map { try device.readMoved($0) }
            } tolerances: { _, outputs in
                exact(outputs)
            }
        }
        var shape = extents
        shape[axis] = upper - lower
        let result = Shape(shape)
        return CheckCase(shapes: "x \(x.shape) \(dtype), \(lower) ..< \(upper) of axis \(axis)") { device in
            let output = try device.movedOutput(result, dtype)
            return [try device.readMoved(device.backend.slice(x.input(on: device, "x"), axis: axis, lower..<upper, into: output))]
        } tolerances: { _, outputs in
            exact(outputs)
        }
    }

    static let permute = CheckedOperation(
        name: "permute", summary: "the axes in another order, up to five", tolerance: "the same bits", defaultCases: 60
    ) { index, generator, _ in
        let dtype = movedTypes[index % movedTypes.count]
        let extents = moveShape(&generator)
        let x = MovedTensor(Shape(extents), dtype, &generator)
        let axes = generator.permutation(extents.count)
        let result = Shape(axes.map { extents[$0] })
        return CheckCase(shapes: "x \(x.shape) \(dtype), axes \(axes)") { device in
            let output = try device.movedOutput(result, dtype)
            return [try device.readMoved(device.backend.permute(x.input(on: device, "x"), axes, into: output))]
        } tolerances: { _, outputs in
            exact(outputs)
        }
    }

    static let broadcast = CheckedOperation(
        name: "broadcast", summary: "elements repeated along axes, or copied once", tolerance: "the same bits", defaultCases: 40
    ) { index, generator, _ in
        let dtype = movedTypes[index % movedTypes.count]
        let result = Shape(moveShape(&generator))
        let kept = result.dimensions.dropFirst(generator.integer(in: 0...result.rank - 1))
        let isCopy = generator.chance(0.25)
        let shape = isCopy ? result : Shape(kept.map { generator.chance(0.4) ? 1 : $0 })
        let x = MovedTensor(shape, dtype, &generator)
        return CheckCase(shapes: "x \(shape) \(dtype) \(isCopy ? "copied" : "to \(result)")") { device in
            let (input, output) = (try x.input(on: device, "x"), try device.movedOutput(result, dtype))
            let moved = try isCopy ? device.backend.copy(input, into: output) : device.backend.broadcast(input, to: result, into: output)
            return [try device.readMoved(moved)]
        } tolerances: { _, outputs in
            exact(outputs)
        }
    }

    /// Every device rounds to the nearest, ties to even.
    static let cast = CheckedOperation(
        name: "cast", summary: "elements in another type: f32, f16 and bf16 to one another, and quantised types decoded",
        tolerance: "the nearest number of the type; of quantised types to f16 the rounding of f16", defaultCases: 85
    ) { index, generator, _ in
        if index % 3 == 2 { return decodingCase(index / 3, &generator) }
        let types: [DType] = [.f32, .f16, .bf16]
        let (from, to) = (generator.pick(types), generator.pick(types))
        let shape: Shape = index == 0 ? [0, 5] : Shape(moveShape(&generator))
        let x = MovedTensor(shape, from, isNumber: true, &generator)
        return CheckCase(shapes: "x \(shape) \(from) to \(to)") { device in
            let output = try device.movedOutput(shape, to)
            return [try device.readMoved(device.backend.cast(x.input(on: device, "x"), to: to, into: output), isNumber: true)]
        } tolerances: { _, outputs in
            exact(outputs)
        }
    }

    private static func decodingCase(_ index: Int, _ generator: inout CheckGenerator) -> CheckCase {
        let types = CheckWeight.types.filter(\.isQuantised)
        let dtype = types[index % types.count]
        let weight = CheckWeight(
            rows: generator.extent(atMost: 65), columns: CheckWeight.columns(dtype, atMost: 520, &generator), dtype, &generator)
        let result = generator.activationType()
        return CheckCase(shapes: "x \(weight.shape) \(dtype) to \(result)") { device in
            let decoded = try device.backend.cast(device.weight(weight), to: result, into: device.output(weight.shape, result))
            return [try device.read(decoded)]
        } tolerances: { _, outputs in
            [outputs[0].floats.map { RoundOff.storing(result, Double($0)) + Double(Float.leastNonzeroMagnitude) / 2 }]
        }
    }

    static func exact(_ outputs: [CheckOutput]) -> [[Double]] {
        outputs.map { output in
            if case .floats(let elements) = output { return [Double](repeating: 0, count: elements.count) }
            return []
        }
    }

    /// Up to five axes of at most some 20,000 elements, with extents of 1 and sizes around those of tiles and units.
    private static func moveShape(_ generator: inout CheckGenerator) -> [Int] {
        var (extents, count) = ([Int](), 1)
        for _ in 0..<generator.integer(in: 1...5) {
            let extent = generator.chance(0.15) ? 1 : generator.extent(atMost: max(1, min(129, 20_000 / count)))
            extents.append(extent)
            count *= extent
        }
        return extents.shuffled(using: &generator)
    }
}

/// A tensor of random bits, which a movement keeps.
private struct MovedTensor {
    let shape: Shape
    let dtype: DType
    let bits: [UInt32]

    /// - Parameter isNumber: Whether the bits are those of numbers, special ones among them, and not of signalling NaNs.
    init(_ shape: Shape, _ dtype: DType, isNumber: Bool = false, _ generator: inout CheckGenerator) {
        self.shape = shape
        self.dtype = dtype
        bits = (0..<shape.count).map { _ in
            guard isNumber else { return UInt32(truncatingIfNeeded: generator.next()) }
            // Magnitudes around the ends of f16, too, and ties between its numbers.
            let specials: [Float] = [.infinity, -.infinity, .nan, 65_504, 65_519.996, 65_520, -1e6, 0x1p-24, 0x1p-25, 0x1.8p-24, 0, -0.0]
            let size = Float(sign: .plus, exponent: generator.integer(in: -26...16), significand: 1)
            var value = generator.chance(0.1) ? generator.pick(specials) : Float(generator.normal()) * size
            if generator.chance(0.3) { value = Float(bitPattern: value.bitPattern & 0xFFFF_F000) }
            if value.isNaN { value = .nan }
            return switch dtype {
            case .f16: UInt32(Float16(value).bitPattern)
            case .bf16: value.bitPattern >> 16
            default: value.bitPattern
            }
        }
    }

    func input(on device: CheckDevice, _ what: String) throws -> Tensor {
        try device.input(bits: bits, shape, dtype, what)
    }
}
