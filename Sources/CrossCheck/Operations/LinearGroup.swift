import Tensors

extension CheckedOperation {
    /// Each product as ``linear``.
    static let linears = CheckedOperation(
        name: "linears", summary: "products of one x with several weights of all types, with biases and transports",
        tolerance: "that of linear, for each product", defaultCases: 66, mayRoundActivations: true
    ) { index, generator, options in
        let rows = index == 0 ? 0 : GroupDraw.rows(index, &generator)
        let dtype = CheckWeight.types[index % CheckWeight.types.count]
        let group = GroupDraw(rows: rows, dtype, products: generator.integer(in: 1...3), options, &generator)
        return CheckCase(shapes: group.description) { device in
            let outputs = try group.factors.map { try device.output([rows, $0.outputs], $0.result) }
            let results = try device.backend.linears(
                group.input(on: device), group.factors.map { try $0.factor(on: device) }, into: outputs)
            return try results.map { try device.read($0) }
        } tolerances: { reference, _ in
            try group.factors.map { factor in try group.results(factor, options, reference).map(\.error) }
        }
    }

    /// With f̃ = f + δ for gate and product: |a(g̃)·ũ − a(g)·u| ≤ |u|·(s·δg + ε) + (|a(g)| + s·δg + ε)·δu, where s bounds the slope of the
    /// activation a and ε its rounding; a product of f32 follows, and the rounding to the type of the result. Gate and product may be stored in
    /// that type before they meet.
    static let gatedLinear = CheckedOperation(
        name: "gatedLinear", summary: "the gated product of two projections of one x, with biases, transports and activations",
        tolerance: "|u|·(s·δg + ε) + (|a(g)| + s·δg + ε)·δu + u·|y|, where δ is the tolerance of linear", defaultCases: 66,
        mayRoundActivations: true
    ) { index, generator, options in
        let rows = index == 0 ? 0 : GroupDraw.rows(index, &generator)
        let dtype = CheckWeight.types[index % CheckWeight.types.count]
        let group = GroupDraw(rows: rows, dtype, products: 2, isSquare: true, options, &generator)
        let activation = generator.pick(Activation.allCases)
        let outputs = group.factors[0].outputs
        return CheckCase(shapes: "\(group.description), \(activation)") { device in
            let factors = try group.factors.map { try $0.factor(on: device) }
            let result = try device.backend.gatedLinear(
                group.input(on: device), gate: factors[0], up: factors[1], activation: activation,
                into: device.output([rows, outputs], group.types.result))
            return [try device.read(result)]
        } tolerances: { reference, _ in
            let gates = try group.results(group.factors[0], options, reference)
            let products = try group.results(group.factors[1], options, reference)
            return [
                zip(gates, products).map { gate, product in
                    let value = activation.value(gate.value)
                    let gateError = activation.slope * gate.error + activation.roundOff(gate.value) + RoundOff.unit * abs(value)
                    let y = abs(value * product.value)
                    let error =
                        abs(product.value) * gateError + (abs(value) + gateError) * product.error + RoundOff.unit * y + RoundOff.flush
                    return error + RoundOff.storing(group.types.result, y + error)
                }
            ]
        }
    }
}

/// Random products of one x.
private struct GroupDraw {
    struct Factor {
        let weight: CheckWeight
        let bias: [Float]?
        let transports: [CheckTransport]
        let result: DType

        var outputs: Int { weight.shape[0] }

        func factor(on device: CheckDevice) throws -> LinearFactor {
            LinearFactor(
                weight: try device.weight(weight), bias: try bias.map { try device.input($0, [outputs], "the bias") },
                transport: try transports.first.map { try $0.application(on: device) })
        }
    }

    let rows, inputs: Int
    let x: [Float]
    let types: (operand: DType, residual: DType, result: DType)
    let factors: [Factor]
    let description: String

    /// Half the cases have one row, as a step of decoding, a third of the others few.
    static func rows(_ index: Int, _ generator: inout CheckGenerator) -> Int {
        index / CheckWeight.types.count % 2 == 0 ? 1 : generator.chance(0.3) ? generator.integer(in: 2...9) : generator.extent(atMost: 70)
    }

    /// - Parameter isSquare: Whether all weights have one shape.
    init(
        rows: Int, _ dtype: DType, products: Int, isSquare: Bool = false, _ options: CheckOptions, _ generator: inout CheckGenerator
    ) {
        self.rows = rows
        // Of whole blocks of every type, so that types can be mixed.
        let isMixed = products > 1 && generator.chance(0.2)
        let inputs = isMixed ? 256 * generator.integer(in: 1...2) : CheckWeight.columns(dtype, atMost: rows == 1 ? 1100 : 300, &generator)
        self.inputs = inputs
        let types = generator.activationTypes()
        self.types = types
        // Gate and product may be stored in f16 between them, or not at all: none of them is infinite there.
        let isOrdinary = options.matrixInputs == .half || isSquare && [types.operand, types.result].contains(.f16)
        let range: ValueRange = isOrdinary ? .ordinary : generator.pick(ValueRange.allCases)
        x = generator.values(rows * inputs, range, types.operand, to: types.result)
        let common = generator.extent(atMost: 140)
        factors = (0..<products).map { index in
            let outputs = isSquare ? common : generator.extent(atMost: rows > 16 ? 70 : 140)
            let dtype = isMixed && index > 0 ? generator.pick(CheckWeight.types) : dtype
            let weight = CheckWeight(rows: outputs, columns: inputs, dtype, &generator)
            let hasMap = generator.chance(0.4)
            return Factor(
                weight: weight, bias: generator.chance(0.3) ? generator.normals(outputs) : nil,
                transports: hasMap ? [CheckTransport(rows: rows, channels: outputs, bounds: [0.25, -0.5], &generator)] : [],
                result: !isSquare && index > 0 && generator.chance(0.1) ? .f32 : types.result)
        }
        description =
            "x [\(rows), \(inputs)] \(types.operand) to \(types.result) \(range), "
            + factors.map { factor in
                "\(factor.weight.shape) \(factor.weight.dtype)" + (factor.bias == nil ? "" : " with bias")
                    + factor.transports.map { ", \($0.description)" }.joined()
                    + (factor.result == types.result ? "" : " to \(factor.result)")
            }.joined(separator: " and ")
    }

    func input(on device: CheckDevice) throws -> Tensor { try device.input(x, [rows, inputs], types.operand, "x") }

    /// The elements of a product, and how far a kernel's may lie from them.
    func results(
        _ factor: Factor, _ options: CheckOptions, _ reference: CheckDevice
    ) throws -> [(value: Double, error: Double)] {
        let dtype = factor.weight.dtype
        let sums = try ProductSums(
            x: MeantActivations(x, rows: rows, channels: inputs, weight: dtype, options), rows: rows, factor.weight,
            isRounded: options.rounds(rows, inputs, dtype),
            roundedFactors: RoundOff.roundedFactors(options.matrixInputs, activations: types.operand), reference)
        let epilogue = EpilogueTolerance(
            bias: factor.bias, activation: .identity, transports: factor.transports, residual: nil, dtype: factor.result)
        return (0..<rows * factor.outputs).map {
            epilogue.result(product: sums.values[$0], error: sums.errors[$0], index: $0, channels: factor.outputs)
        }
    }
}
