import Tensors

/// How a map is estimated from samples of a source and of a target.
///
/// All but ``chars`` give one affine map a neuron (``AffineMap``); where a method adds a direction, ω = 1 and the direction is β.
public enum Estimator: String, Sendable, CaseIterable, Hashable, CustomStringConvertible {
    /// Least squares between the sorted samples (Linear-AcT: Rodríguez et al., ICLR 2025, Definition 3.1).
    case linear
    /// The means alone are moved (Mean-AcT).
    case mean
    /// Means and deviations are moved: optimal transport between normal distributions.
    case gaussian
    /// Neurons that tell the source from the target are damped by how well they do (AurA: Suau et al., "Whispering Experts", ICML 2024).
    case aurA
    /// The neurons that tell the source from the target best are silenced (Det0: Suau et al., "Self-conditioning pre-trained language
    /// models", ICML 2022).
    case det0
    /// The mean difference of pairs, or of two groups (contrastive activation addition: Rimsky et al., ACL 2024).
    case caa
    /// The difference of one pair at one site (Turner et al., "Activation addition", 2023).
    case actAdd
    /// The normal of a logistic probe, as long as the activations' deviation along it (inference-time intervention: Li et al., NeurIPS 2023).
    case iti
    /// The same with the difference of means as the direction ("mass mean shift" there).
    case itiMassMean
    /// The first principal direction of the differences of pairs, as long as their mean along it (representation engineering: Zou et al., 2023).
    case repe
    /// Between clusters of the source and of the target (``ClusterMap``); with one cluster a side it is ``mean`` (Abdullaev et al., "Concept
    /// heterogeneity-aware representation steering", ICML 2026).
    case chars

    /// The estimator of the given name, in any case, with or without hyphens; nil when there is none.
    public init?(name: String) {
        let plain = name.lowercased().filter { $0 != "-" && $0 != "_" }
        let aliases = ["diffmean": Estimator.caa, "meandiff": .caa]
        guard let found = Estimator.allCases.first(where: { $0.rawValue.lowercased() == plain }) ?? aliases[plain] else { return nil }
        self = found
    }

    public var description: String { rawValue }

    /// How tokens become a sample where nothing else is asked for.
    public var defaultPooling: Pooling {
        switch self {
        case .linear, .mean, .gaussian, .chars: .mean
        case .aurA, .det0: .max
        case .caa, .actAdd, .iti, .itiMassMean, .repe: .last
        }
    }

    public var defaultSupport: Support { self == .linear ? .minimumToMaximum : .all }

    public var defaultEstimation: Estimation {
        switch self {
        case .linear, .mean, .gaussian, .chars: .causal
        default: .simultaneous
        }
    }

    /// Whether sample i of the source belongs to sample i of the target.
    public var needsPairs: Bool { self == .actAdd || self == .repe }

    /// Whether the best neurons (``det0``) or heads (``iti``, ``itiMassMean``) are chosen, among all sites together, and the others left alone.
    public var choosesUnits: Bool { self == .det0 || self == .iti || self == .itiMassMean }

    /// Whether a neuron's map depends on that neuron's samples alone.
    public var isByNeuron: Bool { columnFit != nil || self == .aurA || self == .det0 }

    /// Whether neurons are moved by the difference of their means over samples, which can be shrunk.
    public var shrinks: Bool { columnFit != nil && self != .actAdd }

    /// The fewest samples a side.
    public var minimumSamples: Int {
        switch self {
        case .mean, .caa, .actAdd, .chars: 1
        case .linear, .gaussian, .aurA, .det0, .repe: 2
        case .iti, .itiMassMean: LogisticProbe.minimumSamples
        }
    }

    /// The fit of each column on its own that the map is, where it is one.
    public var columnFit: ColumnFit? {
        switch self {
        case .linear: .linear
        case .mean, .caa, .actAdd: .mean
        case .gaussian: .gaussian
        default: nil
        }
    }
}
