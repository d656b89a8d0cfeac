import Foundation
import ModelFiles

/// What a folder's settings say about rotary positions: `rope_scaling`, or `rope_parameters` as newer folders call it, and `rope_theta` in it or
/// beside it.
///
/// As in transformers 5: `rope_scaling` counts where both are there, and the base in it counts before the one beside it.
struct FolderRotary {
    private let settings: SettingsReader
    /// Of a head, those that turn.
    private let channels: Int
    private let contextLength: Int
    /// What stands for a base that is not stated.
    private let usualBase: Float
    /// What older folders call a scaling.
    private let olderNames: [String: String]
    private let isPartial: Bool

    /// What a stretch of positions may be.
    static let factors: ClosedRange<Float> = 1e-6...1e6
    private static let bases: ClosedRange<Float> = Float.leastNormalMagnitude...1e30

    /// - Parameters:
    ///   - headChannels: Of a head.
    ///   - allowsPartial: Whether `partial_rotary_factor` is obeyed.
    init(
        _ settings: SettingsReader, headChannels: Int, contextLength: Int, usualBase: Float = 10000, olderNames: [String: String] = [:],
        allowsPartial: Bool = false
    ) throws {
        self.settings = settings
        self.contextLength = contextLength
        self.usualBase = usualBase
        self.olderNames = olderNames
        var share: Float = 1
        if allowsPartial {
            let inside = try settings.section("rope_parameters")?.number(ifPresent: "partial_rotary_factor", in: 0...1)
            share = try settings.number(ifPresent: "partial_rotary_factor", in: 0...1) ?? inside ?? 1
        }
        isPartial = allowsPartial
        channels = Int(Float(headChannels) * share)
    }

    /// The positions of all layers.
    func position() throws -> RotaryPosition {
        let older = try settings.section("rope_scaling")
        let newer = try settings.section("rope_parameters")
        let base = try settings.number(ifPresent: "rope_theta", in: Self.bases)
        return try position(older ?? newer, base: base ?? usualBase)
    }

    /// The positions of layers that see everything and of those with windows, which newer folders keep in two sections of `rope_parameters`.
    /// - Parameter localBase: The setting with the base of layers with windows, which know no scaling.
    func positions(localBase key: String, usual: Float) throws -> (full: RotaryPosition, sliding: RotaryPosition) {
        let localBase = try settings.number(ifPresent: key, in: Self.bases) ?? usual
        if try settings.section("rope_scaling") == nil, let newer = try settings.section("rope_parameters"),
            newer.contains("full_attention") || newer.contains("sliding_attention")
        {
            let base = try settings.number(ifPresent: "rope_theta", in: Self.bases) ?? usualBase
            let positions = (
                try position(newer.section("full_attention"), base: base), try position(newer.section("sliding_attention"), base: localBase)
            )
            try newer.finish()
            return positions
        }
        return (try position(), turned(by: RotaryPosition(base: localBase)))
    }

    private func turned(by position: RotaryPosition) -> RotaryPosition {
        var position = position
        if isPartial { position.channels = channels }
        return position
    }

    private func position(_ section: SettingsReader?, base outer: Float) throws -> RotaryPosition {
        guard let section else { return turned(by: RotaryPosition(base: outer)) }
        let base = try section.number(ifPresent: "rope_theta", in: Self.bases) ?? outer
        let type = try section.string(ifPresent: "rope_type")
        let olderType = try section.string(ifPresent: "type")
        if let type, let olderType, type != olderType {
            throw ModelError.invalidConfiguration("the rotary scaling is called both '\(type)' and '\(olderType)'")
        }
        // Where the original context is stated outside, that counts.
        let original = try section.integer(ifPresent: "original_max_position_embeddings", in: DecoderConfiguration.extents)
        let originalOutside = try settings.integer(ifPresent: "original_max_position_embeddings", in: DecoderConfiguration.extents)
        let originalContext = Double(originalOutside ?? original ?? contextLength)
        var position = turned(by: RotaryPosition(base: base))
        var scaling: RotaryScaling?
        func factor() throws -> Double { Double(try section.number("factor", in: Self.factors)) }
        let stated = type ?? olderType ?? "default"
        switch olderNames[stated] ?? stated {
        case "default": break
        // Frequencies change only beyond the context that the model has, where Monge does not go.
        case "dynamic": _ = try factor()
        case "linear": scaling = .linear(factor: try factor())
        case "llama3":
            let low = try section.number("low_freq_factor", in: Self.factors)
            let high = try section.number("high_freq_factor", in: Self.factors)
            guard low < high else {
                throw ModelError.invalidConfiguration("low_freq_factor is \(low), high_freq_factor \(high): it must be more")
            }
            scaling = .llama3(factor: try factor(), low: Double(low), high: Double(high), original: originalContext)
        case "yarn":
            let stretch =
                try section.number(ifPresent: "factor", in: Self.factors).map(Double.init) ?? Double(contextLength) / originalContext
            let yarn = try yarn(section, factor: stretch, base: base, original: originalContext)
            (scaling, position.attentionFactor) = (yarn.scaling, Float(yarn.attentionFactor))
        case "longrope":
            let stated = try section.number(ifPresent: "factor", in: Self.factors).map(Double.init)
            let stretch = originalOutside == nil ? stated : nil
            try longRope(section, factor: stretch, original: originalContext, &position)
        case let other:
            throw ModelError.unsupportedSetting(
                key: "rope_scaling", value: "'\(other)'", meaning: "Monge knows default, linear, dynamic, llama3, yarn and longrope")
        }
        section.ignore(["finetuned"])
        if isPartial { section.ignore(["partial_rotary_factor"]) }
        try section.refuse([
            .number("factor", 1, meaning: "a rotary scaling without a type"),
            .number("partial_rotary_factor", 1, meaning: "rotary positions on a part of each head"),
        ])
        try section.finish()
        if let scaling { position.frequencyFactors = scaling.factors(base: Double(base), channels: channels).map { Float($0) } }
        return position
    }

    private func yarn(
        _ section: SettingsReader, factor: Double, base: Float, original: Double
    ) throws -> (scaling: RotaryScaling, attentionFactor: Double) {
        guard base > 1 else { throw ModelError.invalidConfiguration("rope_theta is \(base); yarn needs more than 1") }
        func number(_ key: String) throws -> Double? {
            try section.number(ifPresent: key, in: 0...Self.factors.upperBound).map(Double.init)
        }
        // Zero counts as absent, as in transformers.
        func positive(_ key: String) throws -> Double? { try number(key).flatMap { $0 == 0 ? nil : $0 } }
        let (scale, scaleOfAll) = (try positive("mscale"), try positive("mscale_all_dim"))
        var attentionFactor = RotaryScaling.yarnAttention(factor: factor)
        if let scale, let scaleOfAll {
            attentionFactor =
                RotaryScaling.yarnAttention(factor: factor, scale: scale) / RotaryScaling.yarnAttention(factor: factor, scale: scaleOfAll)
        }
        return (
            .yarn(
                factor: factor, fast: try positive("beta_fast") ?? 32, slow: try positive("beta_slow") ?? 1, original: original,
                truncates: try section.bool(ifPresent: "truncate") ?? true), try number("attention_factor") ?? attentionFactor
        )
    }

    /// LongRoPE (Ding et al. 2024): factors from a search, others for sequences beyond the original context, and a factor on attention that
    /// grows with the stretch.
    private func longRope(_ section: SettingsReader, factor: Double?, original: Double, _ position: inout RotaryPosition) throws {
        guard let short = try section.numbers(ifPresent: "short_factor", in: Self.factors),
            let long = try section.numbers(ifPresent: "long_factor", in: Self.factors)
        else { throw ModelError.invalidConfiguration("the rotary scaling 'longrope' lacks short_factor or long_factor") }
        guard original > 1 else { throw ModelError.invalidConfiguration("the original context of a longrope scaling is \(Int(original))") }
        position.frequencyFactors = short
        position.longContext = RotaryPosition.LongContext(beyond: Int(original), factors: long)
        let stated = try section.number(ifPresent: "attention_factor", in: Self.factors)
        position.attentionFactor =
            stated ?? Float(RotaryScaling.longRopeAttention(factor: factor ?? Double(contextLength) / original, original: original))
    }
}
