import Transport

/// How single tokens move at one site.
struct TokenMovement {
    /// Of each token that counts: ‖y − x‖, ‖x‖, and how many of its neurons are outside their support.
    private(set) var displacements: [Double] = []
    private(set) var sizes: [Double] = []
    private(set) var outside: [Int] = []
    /// Of each neuron: how many tokens are outside of its support.
    private(set) var outsideByNeuron: [Int]
    private let map: AffineMap
    /// The neurons that the map acts on.
    private let acting: Int

    init(_ map: AffineMap) {
        self.map = map
        outsideByNeuron = Array(repeating: 0, count: map.channels)
        acting = (0..<map.channels).count { map.low[$0] < map.high[$0] }
    }

    var count: Int { displacements.count }

    /// ‖y − x‖/‖x‖ of each token; nil where x is zero.
    var relative: [Double?] { zip(displacements, sizes).map { $1 > 0 ? $0 / $1 : nil } }

    /// Of each token the share of neurons outside their support, among those that the map acts on.
    var outsideShares: [Double] { outside.map { acting > 0 ? Double($0) / Double(acting) : 0 } }

    /// Counts some rows of a batch.
    /// - Parameters:
    ///   - x: `[rows, channels]` as they come to the map.
    ///   - y: The same as they go on.
    mutating func add(_ x: [Float], _ y: [Float], rows: [Int]) {
        let channels = map.channels
        for row in rows {
            var (displacement, size, outsideOfToken) = (0.0, 0.0, 0)
            for j in 0..<channels {
                let value = x[row * channels + j]
                let change = Double(y[row * channels + j]) - Double(value)
                displacement += change * change
                size += Double(value) * Double(value)
                // The map does not act on neurons whose support is empty: nothing is outside of it.
                if (value <= map.low[j] || value >= map.high[j]) && map.low[j] < map.high[j] {
                    outsideOfToken += 1
                    outsideByNeuron[j] += 1
                }
            }
            displacements.append(displacement.squareRoot())
            sizes.append(size.squareRoot())
            outside.append(outsideOfToken)
        }
    }
}
