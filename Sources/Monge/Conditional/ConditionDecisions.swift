import Models
import Tensors
import Transport

/// Which of some requests meet the conditions of their maps: decided on the device, and kept there.
///
/// The prompts are read twice. A first pass goes through the untouched model up to the last site at which something is asked, pools each prompt's
/// activation there and leaves a 1 or a 0 for each prompt; the pass that fills the cache, and every step after it, find their strengths multiplied by
/// that. The second reading makes the result the same wherever the condition's site lies, before the steered ones or behind them, and however prompts share
/// passes: a map that acts from the first token on has to be decided upon before the first token is read. It costs the blocks up to the site once more, of
/// the prompt alone; a step costs nothing. The host waits for none of it.
package final class ConditionDecisions {
    private let backend: any Backend
    private let conditions: [Condition]
    /// For each request and each of its maps the condition; nil for none.
    private let asked: [[Int?]]
    /// `[conditions · requests + 1, 1]` f32: 1 where request r meets condition k, at k · requests + r, and 0 where not; then a 1 for maps without one.
    private let met: Tensor

    /// Asks all conditions of some requests.
    /// - Parameters:
    ///   - prompts: Their tokens; as many as requests, none empty.
    ///   - steering: Their maps, all of this model.
    /// - Returns: nil when no map has a condition.
    package init?(_ prompts: [[Int32]], steering: [[Steer]], model: Model) throws {
        var conditions: [Condition] = []
        asked = steering.map { maps in
            maps.map { steer in
                guard let condition = steer.map.condition else { return nil }
                if let known = conditions.firstIndex(of: condition) { return known }
                conditions.append(condition)
                return conditions.count - 1
            }
        }
        guard !conditions.isEmpty else { return nil }
        self.conditions = conditions
        backend = model.backend
        met = try backend.upload(
            [Float](repeating: 0, count: conditions.count * prompts.count) + [1], [conditions.count * prompts.count + 1, 1])
        let planes = try conditions.map { condition in
            let plane = condition.plane
            return (
                weights: try backend.upload([Float](repeating: 0, count: condition.channels) + plane.weights, [2, condition.channels]),
                bias: try backend.upload([0, plane.bias])
            )
        }
        let outcomes = try backend.upload([Float(0), 1], [2, 1])
        let asking = prompts.indices.filter { request in asked[request].contains { $0 != nil } }
        for group in Model.groups(asking.map { prompts[$0].count }, rows: Model.prefillRows) {
            let requests = Array(asking[group])
            try read(requests.map { prompts[$0] }, by: model.language) { number, pooled in
                // The first column is 0, the second positive where the condition is met: the larger one's number, the first of equals.
                let scores = try backend.linear(pooled, weight: planes[number].weights, bias: planes[number].bias, as: .f32)
                let decisions = try backend.gatherRows(outcomes, at: backend.argmax(scores))
                try backend.scatterRows(
                    decisions, into: met, at: backend.upload(requests.map { Int32(number * prompts.count + $0) }))
            }
        }
    }

    /// Reads prompts up to the last site of a condition.
    /// - Parameter decide: Receives a condition's number and `[prompts, channels]` f32, what it is asked of.
    private func read(_ prompts: [[Int32]], by language: any LanguageModel, _ decide: (_ number: Int, _ pooled: Tensor) throws -> Void)
        throws
    {
        let batch = try TokenBatch(
            prompts.enumerated().map { TokenBatch.Sequence(tokens: $1, slot: $0) }, capacity: prompts.map(\.count).max()!, on: backend)
        let names = Set(conditions.map(\.site))
        let sites = language.sites.filter { names.contains($0.name) }
        var remaining = Set(sites.map(\.index))
        try withoutActuallyEscaping(decide) { decide in
            let context = ForwardContext(backend: backend, tapped: sites.map(\.index), siteCount: language.sites.count) {
                site, activation in
                for (number, condition) in self.conditions.enumerated() where condition.site == site.name {
                    try decide(number, self.pooled(activation, of: condition, prompts, batch))
                }
                remaining.remove(site.index)
                if remaining.isEmpty { throw ForwardPassEnded() }
            }
            do { _ = try language.forward(batch, cache: nil, context: context, output: .last) } catch is ForwardPassEnded {}
        }
        guard remaining.isEmpty else {
            throw MongeError.failed(
                "the forward pass of this \(language.architecture) model never came to "
                    + remaining.sorted().map { language.sites[$0].name }.joined(separator: ", "))
        }
    }

    private func pooled(_ activation: Tensor, of condition: Condition, _ prompts: [[Int32]], _ batch: TokenBatch) throws -> Tensor {
        let capture = CaptureOptions(pooling: CapturePooling(condition.pooling), skippedTokens: condition.skippedTokens)
        let plan = try SamplePooling(FitOptions(capture: capture)).plan(for: batch, tokens: prompts, beginning: nil, on: backend)
        return try backend.pool(
            activation, starts: plan.starts, counts: plan.counts, maximumCount: plan.maximumCount, pooling: condition.pooling)
    }

    /// What strengths are multiplied by.
    /// - Parameters:
    ///   - depth: The place of the map among those of a request.
    ///   - requests: Of each row, by the numbers of the requests.
    /// - Returns: `[rows, 1]` f32, 1 or 0; nil when no request has a condition there.
    func factors(at depth: Int, of requests: [Int]) throws -> Tensor? {
        func condition(_ request: Int) -> Int? { depth < asked[request].count ? asked[request][depth] : nil }
        guard requests.contains(where: { condition($0) != nil }) else { return nil }
        let always = conditions.count * asked.count
        return try backend.gatherRows(
            met, at: backend.upload(requests.map { request in Int32(condition(request).map { $0 * asked.count + request } ?? always) }))
    }

    /// What was decided: for each request and each of its maps, nil where the map has no condition.
    package func read() throws -> [[Bool?]] {
        let numbers = try backend.readFloats(met)
        return asked.enumerated().map { request, conditions in conditions.map { $0.map { numbers[$0 * asked.count + request] != 0 } } }
    }
}

extension Model {
    /// The maps that act in each of some texts, without their conditions: for what has to know on the host which texts are steered.
    /// - Parameter requests: What conditions are asked of, and the maps.
    package func acting(_ requests: [(prompt: [Int32], steering: [Steer])]) throws -> [[Steer]] {
        for steer in requests.flatMap(\.steering) where steer.map.condition != nil {
            try InstalledSteering.check(steer.map, against: language)
        }
        guard let decisions = try ConditionDecisions(requests.map(\.prompt), steering: requests.map(\.steering), model: self) else {
            return requests.map(\.steering)
        }
        return zip(requests, try decisions.read()).map { Steer.acting($0.steering, $1) }
    }
}

extension Steer {
    /// The maps whose condition is met, or that have none.
    /// - Parameter met: For each map; nil where it has no condition.
    static func acting(_ steering: [Steer], _ met: [Bool?]) -> [Steer] {
        zip(steering, met).compactMap { $1 == false ? nil : Steer($0.map.unconditional, strength: $0.strength) }
    }
}
