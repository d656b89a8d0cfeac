import Tensors

extension CheckedOperation {
    /// Counts are exact; their quotient is rounded.
    static let aurocColumns = CheckedOperation(
        name: "aurocColumns", summary: "the probability that a sample of the source exceeds one of the target, ties counting half",
        tolerance: "2u·|AUROC|", defaultCases: 40
    ) { index, generator, _ in
        let channels = index == 0 ? 0 : generator.extent(atMost: 65)
        let (sourceCount, targetCount) = (generator.extent(atMost: 513), generator.extent(atMost: 513))
        // From columns that tie everywhere to those that do not at all.
        let grid = generator.pick([0.5, 4, 1000] as [Float])
        let shift = generator.pick([0, 0.5, -2, 10] as [Float])
        let isSpecial = generator.chance(0.3)
        func sorted(_ count: Int, _ shift: Float) -> [Float] {
            var result = [Float](repeating: 0, count: count * channels)
            for channel in 0..<channels {
                let column = (0..<count).map { _ -> Float in
                    if isSpecial, generator.chance(0.1) { return generator.pick([.infinity, -.infinity, .nan, 0, -0.0]) }
                    return ((Float(generator.normal()) + shift) * grid).rounded() / grid
                }
                for (sample, value) in column.sorted(by: { $0 < $1 || ($1.isNaN && !$0.isNaN) }).enumerated() {
                    result[sample * channels + channel] = value
                }
            }
            return result
        }
        let (source, target) = (sorted(sourceCount, shift), sorted(targetCount, 0))
        let description = "source [\(sourceCount), \(channels)], target [\(targetCount), \(channels)], grid of 1/\(grid)"
        return CheckCase(shapes: description) { device in
            let result = try device.backend.aurocColumns(
                source: device.input(source, [sourceCount, channels], "the source"),
                target: device.input(target, [targetCount, channels], "the target"), into: device.output([channels]))
            return [try device.read(result)]
        } tolerances: { _, outputs in
            [outputs[0].floats.map { 2 * RoundOff.unit * Double($0) }]
        }
    }
}
