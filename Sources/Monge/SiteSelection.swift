import Models

/// Chooses sites by regular expressions that match their whole name.
package enum SiteSelection {
    /// ``sites(among:matching:)`` of a model.
    static func sites(of model: any SteerableModel, matching patterns: [String]) throws -> [Site] {
        try sites(among: model.sites, matching: patterns)
    }

    /// The sites that some pattern matches, in execution order.
    ///
    /// - Throws: ``MongeError/usage(_:)`` for a pattern that is no regular expression, or that matches no site (naming the nearest).
    package static func sites(among all: [Site], matching patterns: [String]) throws -> [Site] {
        guard !patterns.isEmpty else { throw MongeError.usage("no sites were named; give at least one regular expression") }
        var chosen = Set<Int>()
        for pattern in patterns {
            // A site's name is one of the patterns that match it, and is found without a search.
            if let named = all.first(where: { $0.name == pattern }) {
                chosen.insert(named.index)
                continue
            }
            guard let regex = try? Regex(pattern) else {
                throw MongeError.usage("'\(pattern)' is not a regular expression")
            }
            let matches = all.filter { (try? regex.wholeMatch(in: $0.name)) != nil }
            guard !matches.isEmpty else {
                let nearest = nearestNames(to: pattern, among: all.map(\.name), count: 5)
                throw MongeError.usage(
                    "'\(pattern)' matches no site of this model in full; the nearest are \(nearest.joined(separator: ", ")); "
                        + "`monge inspect` lists all \(all.count)")
            }
            chosen.formUnion(matches.map(\.index))
        }
        return all.filter { chosen.contains($0.index) }
    }

    /// The names with the smallest edit distance to the pattern, its operators left out.
    static func nearestNames(to pattern: String, among names: [String], count: Int) -> [String] {
        let plain = Array(pattern.filter { !"\\.*+?()[]|^$".contains($0) })
        let ranked = names.enumerated().map { offset, name in
            (distance: editDistance(plain, Array(name.filter { $0 != "." })), offset: offset, name: name)
        }
        return ranked.sorted { ($0.distance, $0.offset) < ($1.distance, $1.offset) }.prefix(count).map(\.name)
    }

    /// Levenshtein distance.
    private static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        var previous = Array(0...b.count)
        for i in a.indices {
            var current = [i + 1]
            for j in b.indices {
                current.append(Swift.min(previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, current[j] + 1))
            }
            previous = current
        }
        return previous[b.count]
    }
}

extension Model {
    /// The sites that some pattern matches in full, in execution order.
    /// - Throws: ``MongeError/usage(_:)`` for a pattern that is no regular expression, or that matches no site.
    public func sites(matching patterns: [String]) throws -> [Site] { try SiteSelection.sites(of: language, matching: patterns) }

    /// Patterns of the sites to steer unless others are named: every norm between the parts of the model, as in the experiments of Rodríguez et al. 2025.
    public var defaultSites: [String] {
        [#".*layernorm"#, #"model\.norm"#, #".*\.ln_\w+"#].filter { (try? SiteSelection.sites(of: language, matching: [$0])) != nil }
    }
}
