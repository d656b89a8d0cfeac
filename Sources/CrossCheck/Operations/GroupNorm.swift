import Tensors

extension CheckedOperation {
    static let groupNorm = CheckedOperation(
        name: "groupNorm",
        summary: "gain · (x − mean) / √(variance + ε) + bias over the pixels and channels of a group, with transports before and behind "
            + "an activation, and a residual",
        tolerance: "δ·|gain|/σ + (min(n, 8√n)·u/2 + δ/σ + 8u)·|y| with δ = min(n, 8√n)·u·mean|x|, through the slopes of what follows",
        defaultCases: 90
    ) { index, generator, _ in
        var norm = GroupNormCase(index, &generator)
        // A map that applies nowhere beside none: the same bits.
        let isCompared = index % 4 == 1 && norm.shape.count > 0
        if isCompared { norm.draw(before: 1, after: 0, neutral: true, &generator) }
        return CheckCase(shapes: norm.description + (isCompared ? " and without" : "")) { [norm] device in
            try (isCompared ? [false, true] : [true]).map { try norm.compute(on: device, mapped: $0) }
        } tolerances: { [norm] _, outputs in
            let errors = norm.errors
            return outputs.map { _ in errors }
        } properties: { outputs in
            isCompared ? sameBits(outputs[0].floats, outputs[1].floats) : []
        }
    }
}

/// A random groupNorm.
private struct GroupNormCase {
    let shape: Shape
    let groups: Int
    private let types: (operand: DType, residual: DType, result: DType)
    private let x: [Float]
    private let gain, bias, residual: [Float]?
    private let epsilon: Float
    private let activation: Activation
    private let isConstant, isInPlace: Bool
    private let range: ValueRange
    private var before: [CheckTransport] = []
    private var after: [CheckTransport] = []

    init(_ index: Int, _ generator: inout CheckGenerator) {
        let images = index == 0 ? 0 : generator.integer(in: 1...3)
        // One in six has pixels enough for stretches of each of its images.
        let isLarge = index % 6 == 5
        let groupChannels = generator.pick(isLarge ? [1, 2, 4, 5] : [1, 2, 3, 4, 8, 10, 20, 40])
        groups = generator.pick(isLarge ? [1, 3, 8] : [1, 2, 5, 8, 32].filter { $0 * groupChannels <= 640 })
        let (height, width) = isLarge ? (33, generator.pick([8, 31])) : (generator.integer(in: 1...9), generator.integer(in: 1...9))
        let channels = groups * groupChannels
        shape = generator.chance(0.2) ? [images, height * width, channels] : [images, height, width, channels]
        let types = generator.activationTypes()
        self.types = types
        range = generator.pick(ValueRange.allCases)
        var x = generator.values(shape.count, range, types.operand)
        // Far from zero, where squares of what is not centred would cancel.
        if range == .ordinary, generator.chance(0.3) { x = x.map { types.operand == .f16 ? Float(Float16($0 + 30)) : $0 + 300 } }
        // Equal values are their mean, exactly: what is left is the bias.
        isConstant = index % 6 == 3
        if isConstant {
            for image in 0..<images {
                for group in 0..<groups {
                    let value = CheckedActivation.constant(types.operand, &generator)
                    for pixel in 0..<height * width {
                        let first = (image * height * width + pixel) * channels + group * groupChannels
                        for place in first..<first + groupChannels { x[place] = value }
                    }
                }
            }
        }
        self.x = x
        gain = generator.chance(0.7) ? generator.normals(channels, mean: 1, deviation: 0.3) : nil
        bias = generator.chance(0.7) ? generator.normals(channels) : nil
        let isSmall = height * width * groupChannels <= 4
        epsilon = isConstant ? generator.pick([1e-12, 1e-30]) : range == .ordinary && !isSmall ? generator.pick([0, 1e-6, 1e-5]) : 1e-5
        activation = generator.pick([.identity, .silu, .silu, generator.pick(Activation.allCases)])
        residual = generator.chance(0.3) ? generator.normals(shape.count, types.residual) : nil
        isInPlace = residual != nil && types.residual == types.result && generator.chance(0.5)
        draw(before: generator.pick([0, 0, 1, 1, 2]), after: generator.pick([0, 0, 1, 2]), neutral: false, &generator)
    }

    mutating func draw(before: Int, after: Int, neutral: Bool, _ generator: inout CheckGenerator) {
        func maps(_ count: Int) -> [CheckTransport] {
            (0..<count).map { _ in
                CheckTransport(
                    shape, generator.pick(SpatialMode.allCases), neutral: neutral, bounds: [0.25, -0.5], &generator)
            }
        }
        self.before = maps(before)
        self.after = maps(after)
    }

    var description: String {
        func list(_ maps: [CheckTransport], _ place: String) -> String { maps.map { ", \($0.description) \(place)" }.joined() }
        return
            "x \(shape) \(types.operand) to \(types.result) \(isConstant ? "equal values" : "\(range)"), \(groups) groups\(gain == nil ? "" : ", gain")\(bias == nil ? "" : ", bias"), ε \(epsilon)"
            + list(before, "before") + ", \(activation)" + list(after, "behind")
            + (residual == nil ? "" : isInPlace ? ", residual in place" : ", residual \(types.residual)")
    }

    func compute(on device: CheckDevice, mapped: Bool) throws -> CheckOutput {
        let output = try device.output(shape, types.result, initial: isInPlace ? residual : nil)
        let channels = shape.channels
        let epilogue = Epilogue(
            activation: activation, transports: try mapped ? after.map { try $0.application(on: device) } : [],
            residual: isInPlace ? output : try residual.map { try device.input($0, shape, types.residual, "the residual") })
        let result = try device.backend.groupNorm(
            device.input(x, shape, types.operand, "x"), groups: groups, gain: gain.map { try device.input($0, [channels], "the gain") },
            bias: bias.map { try device.input($0, [channels], "the bias") }, epsilon: epsilon,
            transports: mapped ? before.map { try $0.application(on: device) } : [], epilogue: epilogue, into: output)
        return try device.read(result)
    }

    /// How far each element may lie from the exact one.
    var errors: [Double] {
        guard shape.count > 0 else { return [] }
        let (channels, groupChannels, pixels) = (shape.channels, shape.channels / groups, shape.rows / shape.images)
        let sets = (0..<shape.images * groups).map { set in
            let first = set / groups * pixels * channels + set % groups * groupChannels
            return (0..<pixels * groupChannels).map { first + $0 / groupChannels * channels + $0 % groupChannels }
        }
        var checked = CheckedActivation(norm: x, shape, sets: sets, gain: gain, bias: bias, epsilon: epsilon)
        var isFused = true
        for (order, transport) in (before + after).enumerated() {
            if order == before.count, activation != .identity {
                checked.apply(activation)
                isFused = isFused && order == 0 && transport.spatial == .pointwise
            }
            if !isFused { checked.store(types.result) }
            checked.apply(transport, meanErrors: order == 0 ? meanErrors : nil)
            isFused = false
        }
        if after.isEmpty { checked.apply(activation) }
        if let residual {
            if before.count + after.count > 0 { checked.store(types.result) }
            checked.add(residual)
        }
        checked.store(types.result)
        return checked.errors
    }

    /// The means of channels of the result follow from those of x: what these are off.
    private var meanErrors: [Double] {
        if isConstant { return [Double](repeating: 0, count: shape.images * shape.channels) }
        let (channels, groupChannels, pixels) = (shape.channels, shape.channels / groups, shape.rows / shape.images)
        func moments(_ places: [Int]) -> (size: Double, deviation: Double) {
            let mean = places.reduce(0) { $0 + Double(x[$1]) } / Double(places.count)
            let squares = places.reduce(0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) }
            return (
                places.reduce(0) { $0 + abs(Double(x[$1])) } / Double(places.count),
                (squares / Double(places.count) + Double(epsilon)).squareRoot()
            )
        }
        var deviations: [Double] = []
        for set in 0..<shape.images * groups {
            let first = set / groups * pixels * channels + set % groups * groupChannels
            deviations.append(
                moments((0..<pixels * groupChannels).map { first + $0 / groupChannels * channels + $0 % groupChannels }).deviation)
        }
        return (0..<shape.images * channels).map { column in
            let (image, channel) = (column / channels, column % channels)
            let size = moments((0..<pixels).map { (image * pixels + $0) * channels + channel }).size
            let factor = abs(Double(gain?[channel] ?? 1)) / deviations[image * groups + channel / groupChannels]
            return factor * ((RoundOff.sum(pixels) + 4) * RoundOff.unit * size + RoundOff.flush)
        }
    }
}
