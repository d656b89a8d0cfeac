import Models
import Transport

/// Sites that are taken together while a map is tuned: one of each block, or one alone.
package struct SiteFamily: Hashable {
    /// The sites' name with a star for the block's number: `model.layers.*.self_attn.o_proj`.
    package var name: String
    /// By block, ascending; a family of one has a single site.
    package var sites: [Site]

    var isRepeated: Bool { sites.count > 1 }

    /// The families among some sites, in the order in which their first sites come.
    package static func families(of sites: [Site]) -> [SiteFamily] {
        var order: [String] = []
        var members: [String: [Site]] = [:]
        for site in sites {
            let name = pattern(site.name)
            if members[name] == nil { order.append(name) }
            members[name, default: []].append(site)
        }
        return order.map { SiteFamily(name: $0, sites: members[$0]!) }
    }

    /// The name with its first part that is a number replaced.
    private static func pattern(_ name: String) -> String {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if let index = parts.firstIndex(where: { Int($0) != nil }) { parts[index] = "*" }
        return parts.joined(separator: ".")
    }

    /// The sites of some of the blocks.
    /// - Parameter share: Which, from 0 to 1.
    package func part(_ share: ClosedRange<Double>) -> [Site] {
        let count = Double(sites.count)
        let first = Int((share.lowerBound * count).rounded()), end = Int((share.upperBound * count).rounded())
        return Array(sites[min(first, sites.count)..<max(first, end)])
    }
}

/// Which blocks of a family are steered.
enum BlockRange: CaseIterable, Hashable {
    case all, lastTwoThirds, lastHalf, lastThird, middleThird, firstHalf

    var share: ClosedRange<Double> {
        switch self {
        case .all: 0...1
        case .lastTwoThirds: 1.0 / 3...1
        case .lastHalf: 0.5...1
        case .lastThird: 2.0 / 3...1
        case .middleThird: 1.0 / 3...2.0 / 3
        case .firstHalf: 0...0.5
        }
    }

    var name: String {
        switch self {
        case .all: "all blocks"
        case .lastTwoThirds: "last two thirds"
        case .lastHalf: "last half"
        case .lastThird: "last third"
        case .middleThird: "middle third"
        case .firstHalf: "first half"
        }
    }
}

/// A way of fitting and the sites it is used at.
struct TuningMethod: Hashable {
    var method: Estimator
    var support: Support
    /// In standard errors of each neuron's difference of means.
    var shrinkage: Float = 0

    var name: String {
        (support == method.defaultSupport ? "\(method)" : "\(method) \(support)") + (shrinkage > 0 ? ", shrinkage \(shrinkage)" : "")
    }

    /// The same with differences of means that are shrunk; empty for methods that do not look at means, and where they are already.
    var shrunk: [TuningMethod] {
        guard shrinkage == 0, method.shrinks else { return [] }
        // Of 3 and 5 now the one and now the other did more on the concepts that were measured (Results).
        return [3, 5].map { TuningMethod(method: method, support: support, shrinkage: $0) }
    }

    /// What has to be fitted: slopes and shifts do not depend on the support.
    var fit: Fit { Fit(method: method, shrinkage: shrinkage) }

    struct Fit: Hashable {
        var method: Estimator
        var shrinkage: Float
    }
}

/// A map that is tried: parts of families, each with a share of the strength.
struct TuningCandidate {
    /// Sites that share a strength.
    struct Group: Hashable {
        var family: String
        var blocks: BlockRange
        var sites: [Site]
        /// What the candidate's strength is multiplied by here.
        var share: Float = 1

        var name: String {
            let shared = share == 1 ? "" : " ×" + String(share)
            return (sites.count > 1 && blocks != .all ? "\(family) (\(blocks.name))" : family) + shared
        }
    }

    var groups: [Group]
    var method: TuningMethod

    /// What it does, whatever the order of its groups.
    struct Effect: Hashable {
        var groups: Set<Group>
        var method: TuningMethod
    }

    var effect: Effect { Effect(groups: Set(groups), method: method) }

    /// What tables call it.
    var name: String { groups.map(\.name).joined(separator: " + ") + ", \(method.name)" }

    var siteNames: Set<String> { Set(groups.filter { $0.share != 0 }.flatMap(\.sites).map(\.name)) }

    /// The same with other blocks in its repeated groups.
    func with(_ blocks: BlockRange, of families: [SiteFamily]) -> TuningCandidate {
        var result = self
        for index in groups.indices {
            guard let family = families.first(where: { $0.name == groups[index].family }), family.isRepeated else { continue }
            result.groups[index].blocks = blocks
            result.groups[index].sites = family.part(blocks.share)
        }
        return result
    }

    /// Each repeated group in two, the first and the last half of its blocks, so that they can have strengths of their own.
    var split: TuningCandidate {
        var result = self
        result.groups = groups.flatMap { group -> [Group] in
            guard group.sites.count > 3 else { return [group] }
            let middle = group.sites.count / 2
            return [group.sites[..<middle], group.sites[middle...]].map {
                Group(family: "\(group.family) \(Self.blocks(of: $0))", blocks: .all, sites: Array($0), share: group.share)
            }
        }
        return result
    }

    private static func blocks(of sites: ArraySlice<Site>) -> String {
        func block(_ site: Site?) -> String { site?.name.split(separator: ".").first { Int($0) != nil }.map(String.init) ?? "" }
        return "\(block(sites.first))…\(block(sites.last))"
    }
}
