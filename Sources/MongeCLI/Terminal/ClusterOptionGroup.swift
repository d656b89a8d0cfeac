import ArgumentParser
import Transport

/// `--clusters` and `--entropy` of chars maps.
struct ClusterOptionGroup: ParsableArguments {
    /// A number of clusters, or as many as there are.
    enum Count: ExpressibleByArgument {
        case fixed(Int)
        case chosen

        init?(argument: String) {
            if argument == "auto" {
                self = .chosen
            } else if let count = Int(argument), (1...ClusterMap.limit).contains(count) {
                self = .fixed(count)
            } else {
                return nil
            }
        }

        var number: Int? {
            switch self {
            case .fixed(let count): count
            case .chosen: nil
            }
        }
    }

    @Option(
        name: .customLong("clusters"), parsing: .unconditional,
        help: ArgumentHelp(
            "With chars, the clusters a side: 1 to 16, or auto for as many as held-out samples bear out (default: auto).",
            valueName: "number"))
    var count: Count?

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "With chars, the entropy of the plan as a share of the mean cost, 0.001 or more; 0 is the cheapest plan (default: 0.05).",
            valueName: "share"),
        transform: Number.real("0, or a number of 0.001 or more") { $0 == 0 || $0 >= Float(ClusterOptions.smallestEntropy) })
    var entropy: Float?

    /// The first of the options that is given.
    var given: String? { count != nil ? "--clusters" : entropy != nil ? "--entropy" : nil }

    /// nil where neither is given.
    var options: ClusterOptions? {
        guard count != nil || entropy != nil else { return nil }
        var options = ClusterOptions(count: count?.number)
        // 0.001 as it is written, not as it is rounded to.
        if let entropy { options.entropy = max(Double(entropy), entropy == 0 ? 0 : ClusterOptions.smallestEntropy) }
        return options
    }
}
