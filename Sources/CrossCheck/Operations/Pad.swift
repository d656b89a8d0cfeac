import Tensors

extension CheckedOperation {
    static let pad = CheckedOperation(
        name: "pad", summary: "elements before and after any axis: a constant, a mirror image, or the edge again",
        tolerance: "the same bits", defaultCases: 60
    ) { index, generator, _ in
        let dtype = generator.activationType()
        let extents = (0..<generator.integer(in: 1...4)).map { _ in generator.pick([1, 2, 3, 5, 8, 16, 17]) }
        let shape = Shape(extents)
        let padding: Padding = [.constant(0), .constant(-1.5), .reflect, .replicate][index % 4]
        let amounts = extents.map { extent -> (before: Int, after: Int) in
            if generator.chance(0.3) { return (0, 0) }
            switch padding {
            case .constant:
                // Cuts, but not beyond what there is.
                let before = generator.integer(in: -(extent / 2)...5)
                return (before, generator.integer(in: -(extent / 2)...5))
            case .reflect: return (generator.integer(in: 0...min(extent - 1, 5)), generator.integer(in: 0...min(extent - 1, 5)))
            case .replicate: return (generator.integer(in: 0...5), generator.integer(in: 0...5))
            }
        }
        let result = Shape(zip(extents, amounts).map { $0 + $1.before + $1.after })
        let x = generator.values(shape.count, .special, dtype)
        return CheckCase(shapes: "x \(shape) \(dtype), \(amounts) \(padding)") { device in
            let output = try device.output(result, dtype)
            return [try device.read(device.backend.pad(device.input(x, shape, dtype, "x"), amounts, with: padding, into: output))]
        } tolerances: { _, outputs in
            exact(outputs)
        }
    }

    /// Each of the two weights of a product errs by 2.5 ulp (an ulp is at most 2u), two products and two sums by half an ulp each.
    static let upsample = CheckedOperation(
        name: "upsample", summary: "images at another size, nearest and bilinear, corners aligned or not",
        tolerance: "nearest: the same bits; bilinear: 16u·Σ|w·x|; the rounding of f16", defaultCases: 60
    ) { index, generator, _ in
        let dtype = generator.activationType()
        let interpolation: Interpolation = [.nearest, .bilinear(alignCorners: false), .bilinear(alignCorners: true)][index % 3]
        let (batch, channels) = (index == 0 ? 0 : generator.integer(in: 1...2), generator.pick([1, 3, 4, 8, 12, 16, 33]))
        let (height, width) = (generator.integer(in: 1...13), generator.integer(in: 1...13))
        let size = generator.chance(0.4) ? (2 * height, 2 * width) : (generator.integer(in: 1...29), generator.integer(in: 1...29))
        let shape: Shape = [batch, height, width, channels]
        let result: Shape = [batch, size.0, size.1, channels]
        let x = generator.values(shape.count, generator.pick(ValueRange.allCases), dtype)
        return CheckCase(shapes: "x \(shape) \(dtype) to \(size.0) × \(size.1), \(interpolation)") { device in
            let output = try device.output(result, dtype)
            let input = try device.input(x, shape, dtype, "x")
            return [try device.read(device.backend.upsample(input, height: size.0, width: size.1, interpolation, into: output))]
        } tolerances: { reference, outputs in
            guard case .bilinear = interpolation else { return exact(outputs) }
            // The weighted mean of the magnitudes.
            let sizes = try reference.backend.upload(x.map { abs($0) }, shape)
            let means = try reference.backend.readFloats(
                reference.backend.upsample(sizes, height: size.0, width: size.1, interpolation))
            return [
                zip(means, outputs[0].floats).map { mean, y in
                    16 * RoundOff.unit * Double(mean) + 4 * RoundOff.flush + RoundOff.storing(dtype, Double(y))
                }
            ]
        }
    }
}
