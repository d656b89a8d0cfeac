import Tensors

extension CheckedOperation {
    /// A sum of K products in any order errs by at most `RoundOff.sum(K)·u·Σ|x·w|`, where |w| counts the offset that a quantised weight
    /// is decoded with; with matrix inputs in f16 each product errs by two more roundings. The epilogue follows ``Activation`` and
    /// ``CheckTransport``; the residual is one more addition.
    ///
    /// With rounded activations (``ProductPrecision/fast``) x̂ = d·q stands for x, and dot products of q with the integers of 32 weights, or
    /// 16, are exact: what errs are the K/16 sums at most of scaled dot products and offsets, and, in each of those, the dot product as a
    /// float, the product of the scales or d·Σq, the multiplication, and the decoding. Against a reference that does not round, Σ|x̂ − x|·|w| comes on top, where |x̂ − x| is at
    /// most max|x|/65024 of the block (``RoundedActivations/largestError(ofBlock:)``).
    static let linear = CheckedOperation(
        name: "linear", summary: "x · Wᵀ + b for every weight type, with activation, transport and residual",
        tolerance: "min(K, 8√K)·u·Σ|x·w|, through the slope of the activation and of the map; one rounding for each later step; "
            + "rounded activations: K/16 sums, and max|x|/65024·Σ|w| of each 32 against exact ones",
        defaultCases: 132, mayRoundActivations: true
    ) { index, generator, options in
        let dtype = CheckWeight.types[index % CheckWeight.types.count]
        // Every fourth round of the types has one row (a matrix-vector product); one has a long sum.
        let round = index / CheckWeight.types.count
        let rows = round % 4 == 0 ? 1 : generator.chance(0.04) ? 0 : generator.extent(atMost: 70)
        let inputs = CheckWeight.columns(dtype, atMost: round % 4 == 1 ? 1100 : 300, &generator)
        let outputs = generator.extent(atMost: rows > 16 ? 70 : 140)
        let weight = CheckWeight(rows: outputs, columns: inputs, dtype, &generator)
        switch round % 3 {
        case 0: return linearCase(rows: rows, weight, options, &generator)
        case 1 where rows > 0: return mappedLinearCase(rows: rows, weight, &generator)
        case 2 where rows > 1: return batchMatesCase(rows: rows, weight, &generator)
        default: return linearCase(rows: rows, weight, options, &generator)
        }
    }

    /// Everything together, against the reference.
    private static func linearCase(
        rows: Int, _ weight: CheckWeight, _ options: CheckOptions, _ generator: inout CheckGenerator
    ) -> CheckCase {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1])
        let range: ValueRange = options.matrixInputs != .half ? generator.pick(ValueRange.allCases) : .ordinary
        let types = generator.activationTypes()
        let x = generator.values(rows * inputs, range, types.operand, to: types.result)
        let bias: [Float]? = generator.chance(0.5) ? generator.normals(outputs) : nil
        let activation = generator.chance(0.5) ? .identity : generator.pick(Activation.allCases)
        let transports = (0..<generator.pick([0, 0, 1, 1, 2])).map { _ in
            CheckTransport(rows: rows, channels: outputs, bounds: [0.25, -0.5], &generator)
        }
        let residual: [Float]? = generator.chance(0.5) ? generator.normals(rows * outputs, types.residual) : nil
        let isInPlace = residual != nil && types.residual == types.result && generator.chance(0.5)
        // Two leading axes are rows as one is.
        let leading = rows % 2 == 0 && generator.chance(0.3) ? [2, rows / 2] : [rows]
        let shape = Shape(leading + [outputs])
        let description =
            "x \(Shape(leading + [inputs])) \(types.operand) to \(types.result) \(range), weight \(weight.shape) \(weight.dtype)"
            + (bias == nil ? "" : ", bias")
            + (activation == .identity ? "" : ", \(activation)") + transports.map { ", \($0.description)" }.joined()
            + (residual == nil ? "" : isInPlace ? ", residual in place" : ", residual \(types.residual)")
        return CheckCase(shapes: description) { device in
            let output = try device.output(shape, types.result, initial: isInPlace ? residual : nil)
            let epilogue = Epilogue(
                activation: activation, transports: try transports.map { try $0.application(on: device) },
                residual: isInPlace ? output : try residual.map { try device.input($0, shape, types.residual, "the residual") })
            let result = try device.backend.linear(
                device.input(x, Shape(leading + [inputs]), types.operand, "x"), weight: device.weight(weight),
                bias: bias.map { try device.input($0, [outputs], "the bias") }, epilogue: epilogue, into: output)
            return [try device.read(result)]
        } tolerances: { reference, _ in
            let sums = try ProductSums(
                x: MeantActivations(x, rows: rows, channels: inputs, weight: weight.dtype, options), rows: rows, weight,
                isRounded: options.rounds(rows, inputs, weight.dtype),
                roundedFactors: RoundOff.roundedFactors(options.matrixInputs, activations: types.operand), reference)
            let epilogue = EpilogueTolerance(
                bias: bias, activation: activation, transports: transports, residual: residual, dtype: types.result)
            return [
                (0..<rows * outputs).map {
                    epilogue.tolerance(product: sums.values[$0], error: sums.errors[$0], index: $0, channels: outputs)
                }
            ]
        }
    }

    /// A fused transport against the same kernel without one: bits where the map does not apply, the map elsewhere. With ReLU, values
    /// lie exactly on an edge of the support.
    private static func mappedLinearCase(rows: Int, _ weight: CheckWeight, _ generator: inout CheckGenerator) -> CheckCase {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1])
        let x = generator.values(rows * inputs, .ordinary)
        let activation = generator.pick([Activation.identity, .relu, .silu])
        let transport = CheckTransport(rows: rows, channels: outputs, neutral: generator.chance(0.4), &generator)
        let description =
            "x [\(rows), \(inputs)], weight \(weight.shape) \(weight.dtype), \(activation), \(transport.description) and without"
        return CheckCase(shapes: description) { device in
            let (input, matrix) = (try device.input(x, [rows, inputs], "x"), try device.weight(weight))
            let plain = try device.backend.linear(
                input, weight: matrix, epilogue: Epilogue(activation: activation), into: device.output([rows, outputs]))
            let mapped = try device.backend.linear(
                input, weight: matrix, epilogue: Epilogue(activation: activation, transports: [transport.application(on: device)]),
                into: device.output([rows, outputs]))
            return [try device.read(plain), try device.read(mapped)]
        } tolerances: { _, _ in
            []
        } properties: {
            transport.violations(plain: $0[0].floats, mapped: $0[1].floats)
        }
    }

    /// The same rows beside other batch-mates: theirs may be NaN without a bit of the others changing.
    private static func batchMatesCase(rows: Int, _ weight: CheckWeight, _ generator: inout CheckGenerator) -> CheckCase {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1])
        let x = generator.values(rows * inputs, .ordinary)
        let changed = generator.integer(in: 0...rows - 1)
        var other = x
        for index in changed * inputs..<(changed + 1) * inputs { other[index] = .nan }
        return CheckCase(shapes: "x [\(rows), \(inputs)] with row \(changed) changed, weight \(weight.shape) \(weight.dtype)") {
            [x, other] device in
            let matrix = try device.weight(weight)
            return try [x, other].map {
                try device.read(
                    device.backend.linear(
                        device.input($0, [rows, inputs], "x"), weight: matrix, into: device.output([rows, outputs])))
            }
        } tolerances: { _, _ in
            []
        } properties: {
            batchMateViolations($0[0].floats, $0[1].floats, changedRow: changed, channels: outputs)
        }
    }

    /// What is wrong where rows other than `changedRow` have other bits.
    static func batchMateViolations(_ before: [Float], _ after: [Float], changedRow: Int, channels: Int) -> [String] {
        let changed = before.indices.first { $0 / channels != changedRow && before[$0].bitPattern != after[$0].bitPattern }
        guard let changed else { return [] }
        return ["element \(changed) changed from \(before[changed]) to \(after[changed]) with row \(changedRow), a batch-mate's"]
    }
}

/// Σ x·w for each row and output, with a bound on the error of its f32 sum.
struct ProductSums {
    private(set) var values: [Double] = []
    private(set) var errors: [Double] = []

    /// - Parameters:
    ///   - isRounded: Whether the kernel multiplies activations rounded to integers.
    ///   - roundedFactors: The factors of each product that are rounded to f16.
    init(
        x: MeantActivations, rows: Int, _ weight: CheckWeight, isRounded: Bool, roundedFactors: Int, _ reference: CheckDevice
    ) throws {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1])
        let elements = try weight.decoded(by: reference)
        // Three more: the product, its decoding, and the rounding of the result; with dot products of integers two more, their floats and
        // the product of scales.
        let sums = isRounded ? RoundOff.sum(inputs / 16) + 5 : RoundOff.sum(inputs) + 3
        let relative = sums * RoundOff.unit + Double(roundedFactors) * RoundOff.toHalf.relative
        for row in 0..<rows {
            for output in 0..<outputs {
                // What the rounding of a factor below 2⁻¹⁴ is multiplied with.
                var (sum, size, subnormal, rounding) = (0.0, 0.0, 0.0, 0.0)
                for k in 0..<inputs {
                    let (a, w) = (x.values[row * inputs + k], Double(elements[output * inputs + k]))
                    let error = x.errors[row * inputs + k]
                    sum += a * w
                    size += (abs(a) + error) * (abs(w) + 2 * Double(weight.offsets[output * inputs + k]))
                    subnormal += (roundedFactors > 0 ? abs(a) : 0) + (roundedFactors > 1 ? abs(w) : 0)
                    rounding += error * abs(w)
                }
                values.append(sum)
                errors.append(
                    relative * size + RoundOff.toHalf.absolute * subnormal + rounding + Double(inputs + 1) * RoundOff.flush)
            }
        }
    }
}
