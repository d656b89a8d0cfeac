import Tensors

/// A random transport of an activation, and what it does to a value in Float64.
struct CheckTransport {
    let shape: Shape
    let spatial: SpatialMode
    let maps: Int
    let table: [Float]
    let indices: [Int32]
    let strengths: [Float]
    let description: String

    var channels: Int { shape.channels }

    /// A pointwise transport of rows that are no images' pixels.
    init(rows: Int, channels: Int, neutral: Bool = false, bounds: [Float] = [0], _ generator: inout CheckGenerator) {
        self.init([rows, channels], neutral: neutral, bounds: bounds, &generator)
    }

    /// - Parameters:
    ///   - shape: The activation's.
    ///   - neutral: Whether every row is to stay as it is: by index 0, λ = 0, or an empty support.
    ///   - bounds: Values that lie on the edge of the support of some neurons: the comparison is strict.
    init(
        _ shape: Shape, _ spatial: SpatialMode = .pointwise, neutral: Bool = false, bounds: [Float] = [0], _ generator: inout CheckGenerator
    ) {
        maps = generator.integer(in: 2...4)
        self.shape = shape
        self.spatial = spatial
        let channels = shape.channels
        let way = neutral ? generator.integer(in: 0...2) : 3
        // Whatever the table holds in row 0, an index of 0 leaves a row untouched.
        var table = [Float](repeating: .nan, count: channels * 4)
        for _ in 0..<(maps - 1) * channels {
            table.append(Float(1 + 0.5 * generator.normal()))
            table.append(Float(generator.normal()))
            let (low, high) = Self.support(empty: way == 2, bounds, &generator)
            table += [low, high]
        }
        self.table = table

        // One for all, one for each image, or one for each row.
        let several = spatial == .pointwise && shape.rows > 0 ? [shape.rows, shape.images] : [max(shape.images, 1)]
        let (anyMap, someMap) = (0...maps - 1, 1...maps - 1)
        let indexCount = generator.chance(0.7) ? generator.pick(several) : 1
        let indices: [Int32] = (0..<indexCount).map { _ in
            way == 0 ? 0 : Int32(generator.integer(in: neutral || indexCount == 1 ? someMap : anyMap))
        }
        let strengthCount = generator.chance(0.7) ? generator.pick(several) : 1
        self.indices = indices
        strengths = (0..<strengthCount).map { _ in
            way == 1 ? 0 : generator.pick(strengthCount > 1 ? [0, 1, 0.3, -0.7, 2.5, -0.0] : [1, 0.3, -0.7])
        }
        let kind = neutral ? ["neutral by index 0", "neutral by λ = 0", "neutral by an empty support"][way] : "\(maps) maps"
        let name = spatial == .pointwise ? "transport" : "channel-mean transport"
        description = "\(name) (\(kind), \(indices.count) indices, \(strengths.count) strengths)"
    }

    /// An interval, half of them without an end on one side or both, some ending exactly at one of the bounds.
    private static func support(empty: Bool, _ bounds: [Float], _ generator: inout CheckGenerator) -> (Float, Float) {
        if empty {
            let bound = generator.pick(bounds)
            return (bound, bound)
        }
        switch generator.integer(in: 0...6) {
        case 0, 1: return (-.infinity, .infinity)
        case 2: return (generator.pick(bounds), .infinity)
        case 3: return (-.infinity, generator.pick(bounds))
        case 4: return (Float(generator.normal()), .infinity)
        default:
            let centre = generator.normal()
            return (Float(centre - 1), Float(centre + 1))
        }
    }

    func application(on device: CheckDevice, gates: TransportGates? = nil) throws -> TransportApplication {
        TransportApplication(
            table: try device.input(table, [maps, channels, 4], "the transport table"),
            indices: try device.input(indices, [indices.count], "the transport indices"),
            strengths: try device.input(strengths, [strengths.count], "the transport strengths"), spatial: spatial, gates: gates)
    }

    /// The same choice of maps and strengths, of maps between clusters.
    func application(of clusters: TransportClusters, on device: CheckDevice) throws -> TransportApplication {
        TransportApplication(
            clusters: clusters, indices: try device.input(indices, [indices.count], "the transport indices"),
            strengths: try device.input(strengths, [strengths.count], "the transport strengths"))
    }

    /// Which map a row goes through, 0 for none.
    func index(ofRow row: Int) -> Int { Int(indices[row / TransportApplication.rowsSharing(indices.count, of: shape)]) }

    func strength(ofRow row: Int) -> Float { strengths[row / TransportApplication.rowsSharing(strengths.count, of: shape)] }

    /// One neuron's map as it applies to one row.
    struct Map {
        let omega, beta, low, high, strength: Double

        /// The result where x lies in the support.
        func moved(_ x: Double) -> Double { x + strength * (omega * x + beta - x) }

        /// Whether a value that is known to within `error` may fall on either side of an edge of the support. A denormal one may be
        /// flushed for the comparison, and is zero there.
        func isNearEdge(_ x: Double, error: Double) -> Bool {
            let reach = abs(x) < RoundOff.flush ? max(error, abs(x)) : error
            return reach > 0 && (abs(x - low) <= reach || abs(x - high) <= reach)
        }

        /// The rounding of x + λ·(ω·x + β − x): ω·x goes through two products and three sums, and the reference rounds once more.
        func roundOff(_ x: Double) -> Double {
            let terms = abs(x) + abs(strength) * (abs(omega * x) + abs(beta) + abs(x))
            return 6 * RoundOff.unit * terms + 5 * RoundOff.flush
        }
    }

    /// The map of a row and a channel; nil where the row stays as it is.
    /// - Parameter gate: What the strength is multiplied by.
    func map(row: Int, channel: Int, gate: Double = 1) -> Map? {
        let index = index(ofRow: row)
        let strength = strength(ofRow: row)
        guard index != 0, strength != 0 else { return nil }
        let start = (index * channels + channel) * 4
        return Map(
            omega: Double(table[start]), beta: Double(table[start + 1]), low: Double(table[start + 2]),
            high: Double(table[start + 3]), strength: Double(strength) * gate)
    }

    /// How far the transport of a value that is itself known to within `error` may lie from the reference's.
    ///
    /// A value within its error of an edge of the support may fall on either side, so that the whole displacement is allowed.
    func tolerance(_ value: Double, error: Double, row: Int, channel: Int) -> Double {
        guard let map = map(row: row, channel: channel) else { return error }
        let isNearEdge = map.isNearEdge(value, error: error)
        let inside = map.low < value && value < map.high
        guard inside || isNearEdge else { return error }
        let slope = abs(1 + map.strength * (map.omega - 1))
        let moved = slope * error + map.roundOff(value)
        return isNearEdge ? max(error, moved) + abs(map.moved(value) - value) : moved
    }

    /// What is added to a channel whose mean over the pixels of an image is z, known to within `error`; and how far that may be off.
    func shift(_ z: Double, error: Double, image: Int, channel: Int) -> (shift: Double, error: Double) {
        guard let map = map(row: image * (shape.rows / shape.images), channel: channel) else { return (0, 0) }
        let isNearEdge = map.isNearEdge(z, error: error)
        let inside = map.low < z && z < map.high
        guard inside || isNearEdge else { return (0, 0) }
        let shift = map.moved(z) - z
        let shiftError = abs(map.strength * (map.omega - 1)) * error + map.roundOff(z)
        return (inside ? shift : 0, isNearEdge ? shiftError + abs(shift) : shiftError)
    }

    /// What is wrong with `mapped`, the transport of `plain` by the same kernel: where the map does not apply the bits must be the
    /// same, elsewhere the map's value must come out.
    func violations(plain: [Float], mapped: [Float]) -> [String] {
        for index in plain.indices {
            let (x, y) = (plain[index], mapped[index])
            if let map = map(row: index / channels, channel: index % channels), map.low < Double(x), Double(x) < map.high {
                let error = abs(Double(y) - map.moved(Double(x)))
                if error <= map.roundOff(Double(x)) || map.isNearEdge(Double(x), error: 0) && x.bitPattern == y.bitPattern { continue }
                return ["element \(index) is \(y) with a transport, \(x) without; expected \(map.moved(Double(x)))"]
            }
            if x.bitPattern != y.bitPattern {
                return ["element \(index) is \(y) with a transport that does not apply to it, \(x) without: the bits differ"]
            }
        }
        return []
    }
}
