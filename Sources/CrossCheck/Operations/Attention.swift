import Tensors

extension CheckedOperation {
    /// With δ the largest error of a score, `(RoundOff.sum(D) + 3)·u·|scale|·Σ|q·k|`, 8u of the cap, and u of the score that a bias is
    /// added to, a softmax weight errs by 2δ and by its exponential's 3 + 2|s − max| ulp and argument; sums over T keys and the rescaling
    /// of an online softmax, which happens whenever the running maximum rises, by `5·RoundOff.sum(T)·u`. The result is the mean of |v|
    /// under the weights times that, and its rounding to its type. Keys and values in f16 are exact in f32.
    static let attention = CheckedOperation(
        name: "attention",
        summary: "packed or dense, causal, windowed, biased, grouped scaled dot-product attention over a key-value cache",
        tolerance: "Σ p·|v|·(2δ + (56 + 6·|s − max|)·u + 5·min(T, 8√T)·u), δ the error of a score; f16 results 3·2⁻¹¹ of them more",
        defaultCases: 120
    ) { index, generator, options in
        let draw = AttentionDraw(index, &generator)
        if index % 5 == 4 && draw.rows > 1 { return draw.batchMatesCase(&generator) }
        return CheckCase(shapes: draw.description) { device in
            [try device.read(draw.run(device, queries: draw.queries))]
        } tolerances: { _, _ in
            [draw.tolerances(options.matrixInputs)]
        }
    }
}

extension AttentionDraw {
    /// One query row changed to NaN: no other row may change a bit.
    func batchMatesCase(_ generator: inout CheckGenerator) -> CheckCase {
        let changed = generator.integer(in: 0...rows - 1)
        let rowElements = heads * channels
        var other = queries
        for index in changed * rowElements..<(changed + 1) * rowElements { other[index] = .nan }
        return CheckCase(shapes: "\(description), query row \(changed) changed") { [other] device in
            [try device.read(run(device, queries: queries)), try device.read(run(device, queries: other))]
        } tolerances: { _, _ in
            []
        } properties: {
            CheckedOperation.batchMateViolations($0[0].floats, $0[1].floats, changedRow: changed, channels: rowElements)
        }
    }
}
