import Tensors

extension CheckedOperation {
    /// As for `linear`, with K the taps times the input channels of a group.
    static let conv2d = CheckedOperation(
        name: "conv2d",
        summary: "convolutions of images of every geometry and weight type, with activation, transport and residual",
        tolerance: "min(K, 8√K)·u·Σ|x·w| over K = taps·channels, through the slope of the activation and of the map; one rounding for "
            + "each later step",
        defaultCases: 120, mayRoundActivations: true
    ) { index, generator, options in
        let dtype = CheckConvolution.types[index % CheckConvolution.types.count]
        let convolution = CheckConvolution.draw(dtype, kind: index / CheckConvolution.types.count, isTransposed: false, &generator)
        switch index / CheckConvolution.types.count % 5 {
        case 3 where convolution.batch > 0: return mappedCase(convolution, &generator)
        case 4 where convolution.batch > 1: return imagesCase(convolution, &generator)
        default: return convolutionCase(convolution, options, &generator)
        }
    }

    /// As for `conv2d`: the taps that an output meets are no more than those of the kernel.
    static let convTranspose2d = CheckedOperation(
        name: "convTranspose2d",
        summary: "transposed convolutions of every geometry and weight type, with activation, transport and residual",
        tolerance: "min(K, 8√K)·u·Σ|x·w| over K = taps·channels, through the slope of the activation and of the map; one rounding for "
            + "each later step",
        defaultCases: 80
    ) { index, generator, options in
        let dtype = CheckConvolution.types[index % CheckConvolution.types.count]
        let convolution = CheckConvolution.draw(dtype, kind: index / CheckConvolution.types.count, isTransposed: true, &generator)
        switch index / CheckConvolution.types.count % 5 {
        case 3 where convolution.batch > 0: return mappedCase(convolution, &generator)
        case 4 where convolution.batch > 1: return imagesCase(convolution, &generator)
        default: return convolutionCase(convolution, options, &generator)
        }
    }

    /// Everything together, against the reference.
    private static func convolutionCase(
        _ convolution: CheckConvolution, _ options: CheckOptions, _ generator: inout CheckGenerator
    ) -> CheckCase {
        let range: ValueRange = options.matrixInputs != .half ? generator.pick(ValueRange.allCases) : .ordinary
        let types = generator.activationTypes()
        let x = generator.values(convolution.inputShape.count, range, types.operand, to: types.result)
        let (shape, outputs) = (convolution.outputShape, convolution.outputs)
        let bias: [Float]? = generator.chance(0.5) ? generator.normals(outputs) : nil
        let activation = generator.chance(0.5) ? .identity : generator.pick(Activation.allCases)
        let transports = (0..<generator.pick([0, 0, 1, 1, 2])).map { _ in
            CheckTransport(rows: shape.rows, channels: outputs, bounds: [0.25, -0.5], &generator)
        }
        let residual: [Float]? = generator.chance(0.5) ? generator.normals(shape.count, types.residual) : nil
        let isInPlace = residual != nil && types.residual == types.result && generator.chance(0.5)
        let description =
            "\(convolution), x \(types.operand) to \(types.result) \(range)" + (bias == nil ? "" : ", bias")
            + (activation == .identity ? "" : ", \(activation)")
            + transports.map { ", \($0.description)" }.joined()
            + (residual == nil ? "" : isInPlace ? ", residual in place" : ", residual \(types.residual)")
        return CheckCase(shapes: description) { device in
            let output = try device.output(shape, types.result, initial: isInPlace ? residual : nil)
            let epilogue = Epilogue(
                activation: activation, transports: try transports.map { try $0.application(on: device) },
                residual: isInPlace ? output : try residual.map { try device.input($0, shape, types.residual, "the residual") })
            let result = try convolution.run(
                device, device.input(x, convolution.inputShape, types.operand, "x"), device.weight(convolution.weight),
                bias.map { try device.input($0, [outputs], "the bias") }, epilogue, into: output)
            return [try device.read(result)]
        } tolerances: { reference, _ in
            let sums = try convolution.sums(
                x, options, roundedFactors: RoundOff.roundedFactors(options.matrixInputs, activations: types.operand), reference)
            let epilogue = EpilogueTolerance(
                bias: bias, activation: activation, transports: transports, residual: residual, dtype: types.result)
            return [
                (0..<shape.count).map {
                    epilogue.tolerance(product: sums.values[$0], error: sums.errors[$0], index: $0, channels: outputs)
                }
            ]
        }
    }

    /// A fused transport against the same kernel without one: bits where the map does not apply, the map elsewhere. With ReLU, values
    /// lie exactly on an edge of the support.
    private static func mappedCase(_ convolution: CheckConvolution, _ generator: inout CheckGenerator) -> CheckCase {
        let (shape, outputs) = (convolution.outputShape, convolution.outputs)
        let x = generator.values(convolution.inputShape.count, .ordinary)
        let activation = generator.pick([Activation.identity, .relu, .silu])
        let transport = CheckTransport(rows: shape.rows, channels: outputs, neutral: generator.chance(0.4), &generator)
        return CheckCase(shapes: "\(convolution), \(activation), \(transport.description) and without") { device in
            let (input, weight) = (try device.input(x, convolution.inputShape, "x"), try device.weight(convolution.weight))
            let plain = Epilogue(activation: activation)
            let mapped = Epilogue(activation: activation, transports: [try transport.application(on: device)])
            return try [plain, mapped].map {
                try device.read(convolution.run(device, input, weight, nil, $0, into: device.output(shape)))
            }
        } tolerances: { _, _ in
            []
        } properties: {
            transport.violations(plain: $0[0].floats, mapped: $0[1].floats)
        }
    }

    /// The same images beside another one: it may be NaN without a bit of the others changing.
    private static func imagesCase(_ convolution: CheckConvolution, _ generator: inout CheckGenerator) -> CheckCase {
        let x = generator.values(convolution.inputShape.count, .ordinary)
        let changed = generator.integer(in: 0...convolution.batch - 1)
        let size = x.count / convolution.batch
        var other = x
        for index in changed * size..<(changed + 1) * size { other[index] = .nan }
        return CheckCase(shapes: "\(convolution), image \(changed) changed") { [x, other] device in
            let weight = try device.weight(convolution.weight)
            return try [x, other].map {
                try device.read(
                    convolution.run(
                        device, device.input($0, convolution.inputShape, "x"), weight, nil, .none,
                        into: device.output(convolution.outputShape)))
            }
        } tolerances: { _, _ in
            []
        } properties: {
            batchMateViolations($0[0].floats, $0[1].floats, changedRow: changed, channels: $0[0].floats.count / convolution.batch)
        }
    }
}
