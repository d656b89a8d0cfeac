import Foundation
import Tensors

extension CheckedOperation {
    static let activation = elementwise(
        "activation", summary: "a pointwise function of every element", tolerance: "the activation's error", defaultCases: 64
    ) { index, _ in .activation(Activation.allCases[index % Activation.allCases.count]) }

    static let scale = elementwise(
        "scale", summary: "factor · x + offset", tolerance: "u·|factor·x| + 2u·|y|", defaultCases: 40
    ) { _, generator in
        .scale(factor: Float(generator.normal() * 3), offset: generator.chance(0.4) ? 0 : Float(generator.normal()))
    }

    static let clamp = elementwise(
        "clamp", summary: "x where it lies within two bounds, else the nearer bound", tolerance: "equal values", defaultCases: 40
    ) { _, generator in
        let low = generator.pick([-Float.infinity, -1, -0.5, 0])
        return .clamp(low: low, high: generator.pick([Float.infinity, 0, 0.25, 2]))
    }

    /// One addition, which every device rounds to the nearest; denormal numbers may be flushed.
    static let add = elementwise(
        "add", summary: "a + b, element by element, broadcast", tolerance: "u·|y|: the nearest f32", defaultCases: 50
    ) { _, _ in .add }

    static let subtract = elementwise(
        "subtract", summary: "a − b, element by element, broadcast", tolerance: "u·|y|: the nearest f32", defaultCases: 40
    ) { _, _ in .subtract }

    static let multiply = elementwise(
        "multiply", summary: "a · b, element by element, broadcast", tolerance: "u·|y|: the nearest f32", defaultCases: 50
    ) { _, _ in .multiply }

    /// The sum of offset and factor errs by half an ulp, and so do product and sum.
    static let multiplyAdd = elementwise(
        "multiplyAdd", summary: "a · (offset + b) + c, element by element, broadcast: modulation and gated residuals",
        tolerance: "2u·|a|·(|offset| + |b|) + 2u·|y|", defaultCases: 60
    ) { index, _ in .multiplyAdd(offset: index % 2 == 0 ? 1 : 0) }

    /// The error of the activation times |up|, and the product's own.
    static let gatedProduct = elementwise(
        "gatedProduct", summary: "activation(gate) · up, for every activation, broadcast, and of packed halves",
        tolerance: "the activation's error · |up| + 2u·|y|", defaultCases: 80
    ) { index, _ in .gatedProduct(Activation.allCases[index % Activation.allCases.count]) }

    /// Cases of one function: operands of one shape, in place or not, broadcast from others, and packed halves.
    private static func elementwise(
        _ name: String, summary: String, tolerance: String, defaultCases: Int,
        _ function: @escaping @Sendable (_ index: Int, _ generator: inout CheckGenerator) -> ElementwiseFunction
    ) -> CheckedOperation {
        CheckedOperation(
            name: name, summary: summary, tolerance: tolerance + "; the rounding of f16", defaultCases: defaultCases
        ) { index, generator, _ in
            let function = function(index, &generator)
            if case .gatedProduct(let activation) = function, generator.chance(0.25) {
                return packedCase(activation, isEmpty: index == 0, &generator)
            }
            let dtype = generator.activationType()
            // The operands' and the result's, all of one type in most cases.
            let isUniform = generator.chance(0.6)
            let types = (0...function.operandCount).map { _ in isUniform ? dtype : generator.pick([DType.f32, .f16]) }
            let resultType = types[function.operandCount]
            let narrows = resultType == .f16 && types.contains(.f32)
            let shape = elementwiseShape(isEmpty: index == 0, &generator)
            let operands = (0..<function.operandCount).map { operand in
                let own = function.operandCount > 1 && generator.chance(0.5) ? shrunk(shape, &generator) : shape
                return ElementwiseOperand(own, function, isFirst: operand == 0, types[operand], to: resultType, &generator)
            }
            // Shapes that shrank may have shrunk all alike.
            let result = Shape.broadcast(operands.map(\.shape))!
            let placed = operands.indices.filter { operands[$0].shape == result && types[$0] == resultType }
            let inPlace = generator.chance(0.4) && !placed.isEmpty ? generator.pick(placed) : nil
            let description =
                "\(function) of \(operands.indices.map { "\(operands[$0].shape) \(types[$0])" }.joined(separator: ", ")) to \(resultType)"
                + (inPlace.map { ", in place of operand \($0)" } ?? "")
            return CheckCase(shapes: description) { device in
                let output = try device.output(result, resultType, initial: inPlace.map { operands[$0].values })
                let tensors = try operands.indices.map { index in
                    index == inPlace
                        ? output : try device.input(operands[index].values, operands[index].shape, types[index], "operand \(index)")
                }
                return [try device.read(function.apply(tensors, on: device.backend, into: output))]
            } tolerances: { _, _ in
                let views = operands.map { operand in operand.shape.steps(broadcastTo: result)! }
                let walk = StridedWalk(result.dimensions, operands: views.map { (0, $0) })
                return [
                    (0..<result.count).map { element in
                        let starts = walk.starts(ofElement: element)
                        return function.error(of: zip(operands, starts).map { Double($0.values[$1]) }, resultType, narrows: narrows)
                    }
                ]
            }
        }
    }

    private static func packedCase(
        _ activation: Activation, isEmpty: Bool, _ generator: inout CheckGenerator
    ) -> CheckCase {
        let types = generator.activationTypes()
        let rows = isEmpty ? 0 : generator.extent(atMost: 65)
        let channels = generator.extent(atMost: 257)
        let place = generator.pick(GatePlace.allCases)
        let shape: Shape = [rows, 2 * channels]
        let x = generator.values(shape.count, generator.pick(ValueRange.allCases), types.operand, to: types.result)
        return CheckCase(shapes: "packed gate and up \(shape) \(types.operand) to \(types.result), \(activation), the gate \(place)") {
            device in
            let result = try device.backend.gatedProduct(
                packed: device.input(x, shape, types.operand, "x"), gate: place, activation: activation,
                into: device.output([rows, channels], types.result))
            return [try device.read(result)]
        } tolerances: { _, _ in
            let (gate, up) = place == .first ? (0, channels) : (channels, 0)
            return [
                (0..<rows * channels).map { index in
                    let start = index / channels * 2 * channels + index % channels
                    let function = ElementwiseFunction.gatedProduct(activation)
                    return function.error(of: [Double(x[start + gate]), Double(x[start + up])], types.result, narrows: false)
                }
            ]
        }
    }

    /// Up to five axes, some of extent 1.
    private static func elementwiseShape(isEmpty: Bool, _ generator: inout CheckGenerator) -> Shape {
        let channels = generator.extent(atMost: 513)
        switch generator.integer(in: 0...3) {
        case 0: return [isEmpty ? 0 : channels]
        case 1: return [isEmpty ? 0 : generator.extent(atMost: 65), channels]
        case 2: return [generator.integer(in: 1...3), isEmpty ? 0 : generator.extent(atMost: 33), min(channels, 257)]
        default:
            return [
                generator.integer(in: 1...2), isEmpty ? 0 : generator.integer(in: 1...5), generator.integer(in: 1...5),
                generator.pick([1, 2, 4]), generator.pick([1, 3, 8, 24, 64]),
            ]
        }
    }

    /// The shape without some axes in front, and with extents of 1.
    private static func shrunk(_ shape: Shape, _ generator: inout CheckGenerator) -> Shape {
        let kept = shape.dimensions.dropFirst(generator.integer(in: 0...shape.rank - 1))
        return Shape(kept.map { generator.chance(0.35) && $0 > 0 ? 1 : $0 })
    }
}

/// One operand of a case.
private struct ElementwiseOperand {
    let shape: Shape
    let values: [Float]

    init(
        _ shape: Shape, _ function: ElementwiseFunction, isFirst: Bool, _ dtype: DType, to result: DType, _ generator: inout CheckGenerator
    ) {
        self.shape = shape
        var range = generator.pick(ValueRange.allCases)
        // Products of large numbers leave the range of f16.
        let isSum = function == .add || function == .subtract
        if dtype == .f16 || result == .f16, !isSum, range == .special { range = .ordinary }
        var values = generator.values(shape.count, range, dtype, to: result)
        if isFirst, function.hasActivation { values = values.map { dtype == .f16 ? Float(Float16($0 * 3)) : $0 * 3 } }
        // What a function does with them is IEEE 754's business; an activation has limits. (The second operand of a gated product stays
        // finite: ∞ times what a device may flush to 0 is anything.)
        if !function.hasActivation || isFirst {
            let largest: Float = dtype == .f16 ? 65_504 : .greatestFiniteMagnitude
            let specials = [.infinity, -.infinity, .nan, -0.0] + (function.hasActivation ? [-largest] : [])
            for index in values.indices where generator.chance(0.02) { values[index] = generator.pick(specials) }
        }
        self.values = values
    }
}

extension ElementwiseFunction {
    fileprivate var hasActivation: Bool {
        switch self {
        case .activation, .gatedProduct: true
        default: false
        }
    }

    fileprivate func apply(_ x: [Tensor], on backend: any Backend, into output: Tensor) throws -> Tensor {
        switch self {
        case .activation(let activation): try backend.activation(x[0], activation, into: output)
        case .scale(let factor, let offset): try backend.scale(x[0], by: factor, plus: offset, into: output)
        case .clamp(let low, let high): try backend.clamp(x[0], from: low, to: high, into: output)
        case .add: try backend.add(x[0], x[1], into: output)
        case .subtract: try backend.subtract(x[0], x[1], into: output)
        case .multiply: try backend.multiply(x[0], x[1], into: output)
        case .gatedProduct(let activation):
            try backend.gatedProduct(gate: x[0], up: x[1], activation: activation, into: output)
        case .multiplyAdd(let offset):
            try offset == 0
                ? backend.multiplyAdd(x[0], by: x[1], plus: x[2], into: output)
                : backend.modulate(x[0], scale: x[1], shift: x[2], into: output)
        }
    }

    /// Whether the product of this function is one of ∞ and a number that a device may flush.
    private func multipliesInfinityAndDenormal(_ x: [Double]) -> Bool {
        let factors: (Double, Double)
        switch self {
        case .multiply: factors = (x[0], x[1])
        case .multiplyAdd(let offset): factors = (x[0], Double(offset) + x[1])
        default: return false
        }
        func isDenormal(_ x: Double) -> Bool { x != 0 && abs(x) < RoundOff.flush }
        return factors.0.isInfinite && isDenormal(factors.1) || isDenormal(factors.0) && factors.1.isInfinite
    }

    /// A bound on the error of a kernel for exact operands.
    /// - Parameters:
    ///   - dtype: The type of the result.
    ///   - narrows: Whether an operand's has numbers that it has not.
    fileprivate func error(of x: [Double], _ dtype: DType, narrows: Bool) -> Double {
        if multipliesInfinityAndDenormal(x) { return RoundOff.undetermined }
        var (value, error): (Double, Double)
        switch self {
        case .activation(let activation): (value, error) = (activation.value(x[0]), activation.roundOff(x[0]))
        case .scale(let factor, let offset):
            let product = Double(factor) * x[0]
            (value, error) = (product + Double(offset), RoundOff.unit * abs(product))
            // The reference is rounded once, from the exact value.
            error += RoundOff.unit * abs(value)
        case .clamp(let low, let high): (value, error) = (min(max(x[0], Double(low)), Double(high)), 0)
        case .add: (value, error) = (x[0] + x[1], 0)
        case .subtract: (value, error) = (x[0] - x[1], 0)
        case .multiply: (value, error) = (x[0] * x[1], 0)
        case .gatedProduct(let activation):
            (value, error) = (activation.value(x[0]) * x[1], activation.roundOff(x[0]) * abs(x[1]))
            error += RoundOff.unit * abs(value)
        case .multiplyAdd(let offset):
            value = x[0] * (Double(offset) + x[1]) + x[2]
            error = RoundOff.unit * (2 * abs(x[0]) * (abs(Double(offset)) + abs(x[1])) + abs(value))
        }
        guard value.isFinite else { return 0 }
        let isClamp = if case .clamp = self { true } else { false }
        error += (isClamp ? 0 : RoundOff.unit * abs(value)) + 2 * RoundOff.flush * (1 + x.reduce(0) { $0 + ($1.isFinite ? abs($1) : 0) })
        // A bound or x itself is an f16 number where x is one; bounds of cases are.
        return isClamp && !narrows ? error : error + RoundOff.storing(dtype, abs(value) + error)
    }
}
