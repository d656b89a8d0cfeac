import ModelFiles

/// One site's map as apple/ml-act, apple/ml-lineas and apple/ml-aura save it: the state dict of a hook.
///
/// - Linear: `net.w1` and `net.b1` `[1, channels]`, ω and β; ml-lineas beside them `dim`.
/// - Gaussian and mean: `mu1`, `mu2`, `std1`, `std2` `[channels]`. Which of the two it is, the dictionary does not say.
/// - AurA: `auroc` `[channels]` (ml-act), or the factors themselves, `alpha` (ml-aura, for Det0, too).
/// - All but AurA: `quantiles_dict_src`, the source's quantiles by the name of a support, each a pair of `[channels]`, and `quantiles_src`, the
///   support it was fitted with, by its name or its two ends.
public struct ReferenceStateDict {
    private let dictionary: StateDict
    /// The method that the dictionary's entries are of; nil where they are both a mean's and a gaussian's.
    public let method: Estimator?

    /// ±10⁶, which stands there for "everywhere".
    private static let everywhere: Float = 1e6
    /// A neuron whose deviations are no larger is left alone there, under mean and gaussian.
    private static let deadDeviation: Float = 1e-4

    /// - Throws: ``ForeignMapError/unreadable(file:detail:)`` for a dictionary of something else.
    public init(_ dictionary: StateDict) throws {
        self.dictionary = dictionary
        let keys = Set(dictionary.values.keys)
        if keys.isSuperset(of: ["net.w1", "net.b1"]) {
            method = .linear
        } else if keys.isSuperset(of: ["mu1", "mu2", "std1", "std2"]) {
            method = nil
        } else if keys.contains("auroc") || keys.contains("alpha") {
            method = .aurA
        } else {
            throw ForeignMapError.unreadable(
                file: dictionary.name,
                detail:
                    "the state dict has \(keys.sorted().prefix(8).joined(separator: ", ")); a map has net.w1 and net.b1, or mu1, mu2, std1 and "
                    + "std2, or auroc, or alpha")
        }
    }

    /// The supports whose ends the dictionary holds, in the order of ``Support/names``.
    public var supports: [Support] {
        guard case .dictionary(let quantiles)? = dictionary.values["quantiles_dict_src"] else { return [] }
        return Support.names.filter { quantiles[$0] != nil }.compactMap(Support.init(name:))
    }

    /// The support it was fitted with; nil where the dictionary does not say, or says what is none of ``supports``.
    public var fittedSupport: Support? {
        switch dictionary.values["quantiles_src"] {
        case .string("q_all")?: return .all
        case .string(let name)?: return Support(name: name)
        case .list(let ends)? where ends.count == 2:
            if case .number(let low) = ends[0], low == Double(-Self.everywhere) { return .all }
            guard case .tensor(let low, _) = ends[0], case .tensor(let high, _) = ends[1] else { return nil }
            return supports.first { (try? self.ends(of: $0)).map { $0 == (low, high) } ?? false }
        default: return nil
        }
    }

    /// The map.
    /// - Parameters:
    ///   - method: ``Estimator/mean`` or ``Estimator/gaussian`` where the dictionary may be either.
    ///   - support: One of ``supports``, or ``Support/all``.
    public func map(_ method: Estimator, support: Support) throws -> AffineMap {
        var map: AffineMap
        switch self.method {
        case .linear?:
            map = AffineMap.adding(try vector("net.b1"))
            map.omega = try vector("net.w1")
        case .aurA?:
            if dictionary.values["auroc"] != nil {
                map = .aurA(auroc: try vector("auroc"))
            } else {
                let factors = try vector("alpha")
                map = .adding([Float](repeating: 0, count: factors.count))
                map.omega = factors
            }
        default: map = try normal(isMean: method == .mean)
        }
        guard map.omega.count == map.beta.count, !map.omega.isEmpty, (map.omega + map.beta).allSatisfy(\.isFinite) else {
            throw unreadable("its vectors differ in length, are empty, or hold values that are no numbers")
        }
        guard support != .all else { return map }
        let (low, high) = try ends(of: support)
        guard low.count == map.channels, high.count == map.channels else { throw unreadable("its quantiles are not one for each neuron") }
        for j in 0..<map.channels where map.low[j] < map.high[j] { (map.low[j], map.high[j]) = (low[j], high[j]) }
        return map
    }

    private func normal(isMean: Bool) throws -> AffineMap {
        let (sourceMean, targetMean) = (try vector("mu1"), try vector("mu2"))
        let (sourceDeviation, targetDeviation) = (try vector("std1"), try vector("std2"))
        guard Set([sourceMean, targetMean, sourceDeviation, targetDeviation].map(\.count)).count == 1 else {
            throw unreadable("mu1, mu2, std1 and std2 differ in length")
        }
        let identity = AffineMap.identity(channels: sourceMean.count)
        var map = AffineMap.adding(identity.beta)
        for j in sourceMean.indices {
            guard sourceDeviation[j] > Self.deadDeviation, targetDeviation[j] > Self.deadDeviation else {
                (map.low[j], map.high[j]) = (identity.low[j], identity.high[j])
                continue
            }
            if !isMean { map.omega[j] = targetDeviation[j] / sourceDeviation[j] }
            map.beta[j] = Float(Double(targetMean[j]) - Double(map.omega[j]) * Double(sourceMean[j]))
        }
        return map
    }

    private func ends(of support: Support) throws -> (low: [Float], high: [Float]) {
        guard case .dictionary(let quantiles)? = dictionary.values["quantiles_dict_src"],
            case .list(let ends)? = quantiles["\(support)"], ends.count == 2,
            case .tensor(let low, _) = ends[0], case .tensor(let high, _) = ends[1]
        else {
            let known = ["all"] + supports.map(\.description)
            throw unreadable("it has no quantiles for the support \(support); it has \(known.joined(separator: ", "))")
        }
        guard (low + high).allSatisfy({ !$0.isNaN }) else { throw unreadable("its quantiles hold values that are no numbers") }
        return (low, high)
    }

    private func vector(_ key: String) throws -> [Float] {
        guard case .tensor(let values, let shape)? = dictionary.values[key], shape.reduce(1, *) == shape.last ?? 0 else {
            throw unreadable("'\(key)' is no vector")
        }
        return values
    }

    private func unreadable(_ detail: String) -> ForeignMapError { .unreadable(file: dictionary.name, detail: detail) }

    /// Writes a site's map as ml-act's linear hook reads it. A support with ends is written under its own name.
    public static func write(_ map: AffineMap, support: Support, to path: String) throws {
        func row(_ values: [Float]) -> StateDictWriter.Value { .tensor(values, shape: [1, values.count]) }
        func vector(_ values: [Float]) -> StateDictWriter.Value { .tensor(values, shape: [values.count]) }
        let ends = StateDictWriter.Value.list([vector(map.low), vector(map.high)])
        // A map everywhere may still leave single neurons alone.
        let isBounded = support != .all || zip(map.low, map.high).contains { $0 != -.infinity || $1 != .infinity }
        let name = support == .all ? Support.minimumToMaximum.description : support.description
        try StateDictWriter.write(
            [
                ("net.w1", row(map.omega)), ("net.b1", row(map.beta)),
                ("quantiles_dict_src", .dictionary(isBounded ? [(name, ends)] : [])),
                ("quantiles_src", .string(isBounded ? name : "q_all")),
            ], to: path)
    }
}
