import Foundation
import Tensors

extension CheckedOperation {
    /// Bit for bit where the map does not apply; elsewhere the rounding of the map with the error of the gate on top.
    static let gatedTransport = CheckedOperation(
        name: "gatedTransport", summary: "x + λ·g·(ω·x + β − x) within the support, with g = σ(⟨v, x⟩ + c₀) of the row; 1 where c₀ = +∞",
        tolerance:
            "7u·(|x| + |λ·g|·(|ω·x| + |β| + |x|)) and |λ·(ω·x + β − x)| times the error of g: that of the sum, min(C, 8√C) + 4 units of u·Σ|v·x| and "
            + "2u·|c₀|, through the slope of σ, and σ's own; the same bits where λ = 0, the index is 0, or x lies outside",
        defaultCases: 60
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 65)
        let channels = generator.extent(atMost: 700)
        let types = generator.activationTypes()
        let isNarrowed = types.operand == .f32 && types.result == .f16
        let x = generator.values(rows * channels, generator.pick(ValueRange.allCases), types.operand, to: types.result).map {
            $0.isFinite ? $0 : 2
        }
        let shape: Shape = rows % 2 == 0 ? [2, rows / 2, channels] : [rows, channels]
        let transport = CheckTransport(shape, neutral: generator.chance(0.2), bounds: [0, 0.5, -1], &generator)
        // Scores of a few units, or some that leave nothing of the other side, whatever the size of x.
        let size = x.reduce(0) { max($0, abs($1)) }
        let scale = generator.pick([0.5, 4, 60]) / (Double(channels).squareRoot() * Double(size > 0 ? size : 1))
        let weights = (0..<transport.maps * channels).map { _ in Float(generator.normal() * scale) }
        let intercepts = (0..<transport.maps).map { _ in generator.chance(0.2) ? Float.infinity : Float(2 * generator.normal()) }
        let isInPlace = types.operand == types.result && generator.chance(0.4)
        let description = "x \(shape) \(types.operand) to \(types.result)\(isInPlace ? " in place" : ""), \(transport.description)"
        return CheckCase(shapes: description) { device in
            let output = try device.output(shape, types.result, initial: isInPlace ? x : nil)
            let input = isInPlace ? output : try device.input(x, shape, types.operand, "x")
            let map = try transport.application(
                on: device,
                gates: TransportGates(
                    weights: device.input(weights, [transport.maps, channels], "the gates' weights"),
                    intercepts: device.input(intercepts, [transport.maps], "the gates' intercepts")))
            return [try device.read(device.backend.transport(input, by: map, into: output))]
        } tolerances: { _, _ in
            var checked = CheckedActivation(exact: x.map(Double.init), shape)
            checked.apply(
                transport,
                gates: (0..<rows).map { row in
                    let map = transport.index(ofRow: row)
                    return CheckedGate(
                        x[row * channels..<(row + 1) * channels], weights: weights[map * channels..<(map + 1) * channels],
                        intercept: intercepts[map])
                })
            if isNarrowed { checked.narrow(to: types.result) } else { checked.store(types.result) }
            return [checked.errors]
        }
    }
}

/// A gate's value, and how far a kernel's may lie from it.
struct CheckedGate {
    let value, error: Double

    init(_ x: ArraySlice<Float>, weights: ArraySlice<Float>, intercept: Float) {
        guard intercept < .infinity else {
            (value, error) = (1, 0)
            return
        }
        var (score, size) = (Double(intercept), 0.0)
        for (x, weight) in zip(x, weights) {
            score += Double(x) * Double(weight)
            size += abs(Double(x) * Double(weight))
        }
        let scoreError =
            (RoundOff.sum(x.count) + 4) * RoundOff.unit * size + 2 * RoundOff.unit * abs(Double(intercept)) + Double(x.count + 1)
            * RoundOff.flush
        // The largest slope of σ within the error: where the score comes closest to 0.
        let decay = exp(-max(0, abs(score) - scoreError))
        value = Activation.sigmoid.value(score)
        error = min(1, scoreError * decay / ((1 + decay) * (1 + decay)) + Activation.sigmoid.roundOff(score) + RoundOff.unit * value)
    }
}
