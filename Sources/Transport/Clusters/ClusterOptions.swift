/// How clusters are found, and mass is moved between them.
public struct ClusterOptions: Sendable, Equatable {
    /// The clusters of either side, fewer where fewer samples differ; nil for as many as held-out samples bear out.
    public var count: Int?
    /// ε of the plan, as a share of the mean cost: 0 for the cheapest plan, or from ``smallestEntropy`` on.
    public var entropy: Double

    /// Below it an entropic plan is next to the cheapest one, and takes long to find.
    public static let smallestEntropy = 0.001

    /// - Precondition: The count is from 1 to ``ClusterMap/limit``, the entropy 0 or finite and ``smallestEntropy`` or more.
    public init(count: Int? = nil, entropy: Double = 0.05) {
        precondition(count.map { (1...ClusterMap.limit).contains($0) } ?? true, "from 1 to \(ClusterMap.limit) clusters")
        precondition(entropy == 0 || entropy >= Self.smallestEntropy && entropy.isFinite, "no entropy, or one that is not tiny")
        self.count = count
        self.entropy = entropy
    }
}
