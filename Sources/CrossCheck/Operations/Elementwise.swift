import Tensors

extension CheckedOperation {
    /// The error of the activation times |up|, and the product's own.
    static let gatedProduct = CheckedOperation(
        name: "gatedProduct", summary: "activation(gate) · up, for every activation",
        tolerance: "the activation's error · |up| + 2u·|y|", defaultCases: 48
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 65)
        let channels = generator.extent(atMost: 513)
        let activation = Activation.allCases[index % Activation.allCases.count]
        let range = generator.pick(ValueRange.allCases)
        let gate = generator.values(rows * channels, range).map { $0 * 3 }
        let up = generator.values(rows * channels, .ordinary)
        let alias = generator.pick(["", ", in place of the gate", ", in place of up"])
        let shape: Shape = [rows, channels]
        return CheckCase(shapes: "gate and up \(shape) \(range), \(activation)\(alias)") { device in
            let output = try device.output(shape, initial: alias.hasSuffix("gate") ? gate : alias.hasSuffix("up") ? up : nil)
            let result = try device.backend.gatedProduct(
                gate: alias.hasSuffix("gate") ? output : device.input(gate, shape, "the gate"),
                up: alias.hasSuffix("up") ? output : device.input(up, shape, "up"), activation: activation, into: output)
            return [try device.read(result)]
        } tolerances: { _, _ in
            [
                gate.indices.map { index in
                    let (x, factor) = (Double(gate[index]), Double(up[index]))
                    let product = abs(activation.value(x) * factor)
                    return activation.roundOff(x) * abs(factor) + 2 * RoundOff.unit * product
                        + 2 * RoundOff.flush * (1 + abs(x) + abs(factor))
                }
            ]
        }
    }

    /// One addition, which every device rounds to the nearest; denormal numbers may be flushed.
    static let add = CheckedOperation(
        name: "add", summary: "a + b, element by element", tolerance: "u·|y|: the nearest f32", defaultCases: 30
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 65)
        let channels = generator.extent(atMost: 513)
        let shape: Shape = [rows, channels]
        let count = rows * channels
        let dtype = generator.activationType()
        var a = generator.values(count, generator.pick(ValueRange.allCases), dtype)
        let b = generator.values(count, generator.pick(ValueRange.allCases), dtype)
        for index in a.indices where generator.chance(0.02) { a[index] = generator.pick([.infinity, -.infinity, .nan]) }
        let alias = generator.pick(["", ", in place of a", ", in place of b"])
        return CheckCase(shapes: "a and b \(shape) \(dtype)\(alias)") { [a] device in
            let output = try device.output(shape, dtype, initial: alias.hasSuffix("a") ? a : alias.hasSuffix("b") ? b : nil)
            let result = try device.backend.add(
                alias.hasSuffix("a") ? output : device.input(a, shape, dtype, "a"),
                alias.hasSuffix("b") ? output : device.input(b, shape, dtype, "b"), into: output)
            return [try device.read(result)]
        } tolerances: { [a] _, _ in
            [
                a.indices.map { index in
                    let sum = abs(Double(a[index]) + Double(b[index]))
                    return RoundOff.unit * sum + 4 * RoundOff.flush + RoundOff.storing(dtype, sum)
                }
            ]
        }
    }
}
