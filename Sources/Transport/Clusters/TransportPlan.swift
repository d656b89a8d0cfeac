/// How mass is moved from the clusters of one side to those of the other: P with row sums p and column sums q.
package struct TransportPlan {
    /// `[rows, columns]`, row-major.
    package let masses: [Double]
    package let columns: Int
    package var rows: Int { masses.count / columns }

    init(masses: [Double], columns: Int) { (self.masses, self.columns) = (masses, columns) }

    /// The cheapest plan, `argmin Σ P_ij·c_ij`, by successive shortest paths (Ahuja, Magnanti & Orlin 1993, section 9.7): each goes by what it costs more or
    /// less than the potentials of its ends, which are never negative, so that Dijkstra's algorithm finds it. Masses are whole numbers while it runs.
    ///
    /// - Parameters:
    ///   - costs: `[rows, columns]`, row-major, none negative.
    ///   - sizes: Of the rows' clusters: p times all their samples. None is 0.
    ///   - otherSizes: Of the columns'.
    package static func cheapest(_ costs: [Double], from sizes: [Int], to otherSizes: [Int]) -> TransportPlan {
        let (total, otherTotal) = (sizes.reduce(0, +), otherSizes.reduce(0, +))
        var network = FlowNetwork(costs: costs, supplies: sizes.map { $0 * otherTotal }, demands: otherSizes.map { $0 * total })
        network.saturate()
        let all = Double(total) * Double(otherTotal)
        return TransportPlan(masses: network.flows.map { Double($0) / all }, columns: otherSizes.count)
    }
}

/// A source, the suppliers, the consumers, and a sink, in this order.
private struct FlowNetwork {
    private let suppliers, consumers, nodes: Int
    /// `[nodes, nodes]`: what can still flow from one to the other.
    private var capacities: [Int]
    private var costs: [Double]
    private var potentials: [Double]

    init(costs given: [Double], supplies: [Int], demands: [Int]) {
        (suppliers, consumers) = (supplies.count, demands.count)
        nodes = suppliers + consumers + 2
        capacities = [Int](repeating: 0, count: nodes * nodes)
        costs = [Double](repeating: 0, count: nodes * nodes)
        potentials = [Double](repeating: 0, count: nodes)
        for i in 0..<suppliers {
            capacities[1 + i] = supplies[i]
            for j in 0..<consumers {
                let (from, to) = (1 + i, 1 + suppliers + j)
                capacities[from * nodes + to] = min(supplies[i], demands[j])
                costs[from * nodes + to] = given[i * consumers + j]
                costs[to * nodes + from] = -given[i * consumers + j]
            }
        }
        for j in 0..<consumers { capacities[(1 + suppliers + j) * nodes + nodes - 1] = demands[j] }
    }

    /// `[suppliers, consumers]`: what could flow back.
    var flows: [Int] {
        (0..<suppliers).flatMap { i in (0..<consumers).map { capacities[(1 + suppliers + $0) * nodes + 1 + i] } }
    }

    /// Sends everything.
    mutating func saturate() {
        while let path = shortestPath() {
            let arcs = zip(path.dropFirst(), path).map { $1 * nodes + $0 }
            let flow = arcs.map { capacities[$0] }.min()!
            for (to, from) in zip(path.dropFirst(), path) {
                capacities[from * nodes + to] -= flow
                capacities[to * nodes + from] += flow
            }
        }
    }

    /// From the source to the sink; nil where nothing more can flow. The potentials grow by the distances.
    private mutating func shortestPath() -> [Int]? {
        var distances = [Double](repeating: .infinity, count: nodes)
        var previous = [Int](repeating: -1, count: nodes)
        var open = Set(0..<nodes)
        distances[0] = 0
        while let node = open.min(by: { (distances[$0], $0) < (distances[$1], $1) }), distances[node] < .infinity {
            open.remove(node)
            for next in open where capacities[node * nodes + next] > 0 {
                // What rounding makes negative is zero.
                let reduced = max(0, costs[node * nodes + next] + potentials[node] - potentials[next])
                if distances[node] + reduced < distances[next] { (distances[next], previous[next]) = (distances[node] + reduced, node) }
            }
        }
        guard distances[nodes - 1] < .infinity else { return nil }
        for node in 0..<nodes { potentials[node] += min(distances[node], distances[nodes - 1]) }
        var path = [nodes - 1]
        while path.last! != 0 { path.append(previous[path.last!]) }
        return path.reversed()
    }
}
