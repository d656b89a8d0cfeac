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
    private let language: any LanguageModel
    private let backend: any Backend
    private let slots: Int
    private var conditions: [(condition: Condition, weights: Tensor, bias: Tensor)] = []
    /// For each slot and each map of its request whether it has a condition.
    private var asked: [[Bool]]
    /// For each place in the order of maps `[slots + 1, 1]` f32: 1 where the request of a slot meets the condition of its map there, and 0 where not; then
    /// a 1 for maps without one.
    private var met: [Tensor] = []

    /// - Parameter slots: How many requests there is room for.
    package init(slots: Int, of language: any LanguageModel) {
        self.language = language
        self.slots = slots
        backend = language.backend
        asked = [[Bool]](repeating: [], count: slots)
    }

    /// Asks all conditions of some requests, one a slot.
    /// - Parameters:
    ///   - prompts: Their tokens; as many as requests, none empty.
    ///   - steering: Their maps, all of this model.
    /// - Returns: nil when no map has a condition.
    package convenience init?(_ prompts: [[Int32]], steering: [[Steer]], model: Model) throws {
        guard steering.joined().contains(where: { $0.map.condition != nil }) else { return nil }
        self.init(slots: prompts.count, of: model.language)
        try ask(zip(prompts, steering).enumerated().map { ($0, $1.0, $1.1) })
    }

    /// Whether nothing was ever asked: every map acts.
    package var isEmpty: Bool { met.isEmpty }

    /// Asks the conditions of the requests that some slots have from here on.
    package func ask(_ requests: [(slot: Int, prompt: [Int32], steering: [Steer])]) throws {
        for request in requests { asked[request.slot] = request.steering.map { $0.map.condition != nil } }
        let asking = requests.filter { asked[$0.slot].contains(true) }
        guard !asking.isEmpty else { return }
        while met.count < asking.map(\.steering.count).max()! {
            met.append(try backend.upload([Float](repeating: 0, count: slots) + [1], [slots + 1, 1]))
        }
        let outcomes = try backend.upload([Float(0), 1], [2, 1])
        for group in Model.groups(asking.map(\.prompt.count), rows: Model.prefillRows) {
            let asking = asking[group]
            let questions = try asking.map { try $0.steering.map { try $0.map.condition.map(number) } }
            let numbers = Set(questions.joined().compactMap { $0 })
            try read(asking.map(\.prompt), asking: numbers) { number, pooled in
                // The first column is 0, the second positive where the condition is met: the larger one's number, the first of equals.
                let scores = try backend.linear(pooled, weight: conditions[number].weights, bias: conditions[number].bias, as: .f32)
                let decisions = try backend.gatherRows(outcomes, at: backend.argmax(scores))
                for depth in met.indices {
                    let own = questions.indices.filter { depth < questions[$0].count && questions[$0][depth] == number }
                    guard !own.isEmpty else { continue }
                    try backend.scatterRows(
                        backend.gatherRows(decisions, at: backend.upload(own.map(Int32.init))), into: met[depth],
                        at: backend.upload(own.map { Int32(asking[group.lowerBound + $0].slot) }))
                }
            }
        }
    }

    /// The number of a condition, its plane on the device.
    private func number(of condition: Condition) throws -> Int {
        if let known = conditions.firstIndex(where: { $0.condition == condition }) { return known }
        let plane = condition.plane
        conditions.append(
            (
                condition, try backend.upload([Float](repeating: 0, count: condition.channels) + plane.weights, [2, condition.channels]),
                try backend.upload([0, plane.bias])
            ))
        return conditions.count - 1
    }

    /// Reads prompts up to the last site of a condition.
    /// - Parameters:
    ///   - numbers: The conditions that are asked.
    ///   - decide: Receives a condition's number and `[prompts, channels]` f32, what it is asked of.
    private func read(
        _ prompts: [[Int32]], asking numbers: Set<Int>, _ decide: (_ number: Int, _ pooled: Tensor) throws -> Void
    ) throws {
        let batch = try TokenBatch(
            prompts.enumerated().map { TokenBatch.Sequence(tokens: $1, slot: $0) }, capacity: prompts.map(\.count).max()!, on: backend)
        let names = Set(numbers.map { conditions[$0].condition.site })
        let sites = language.sites.filter { names.contains($0.name) }
        var remaining = Set(sites.map(\.index))
        try withoutActuallyEscaping(decide) { decide in
            let context = ForwardContext(backend: backend, tapped: sites.map(\.index), siteCount: language.sites.count) {
                site, activation in
                for number in numbers.sorted() where self.conditions[number].condition.site == site.name {
                    try decide(number, self.pooled(activation, of: self.conditions[number].condition, prompts, batch))
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
    ///   - slots: Of each row; one that there is not for a row without a request.
    /// - Returns: `[rows, 1]` f32, 1 or 0; nil when no request has a condition there.
    func factors(at depth: Int, of slots: [Int]) throws -> Tensor? {
        func isAsked(_ slot: Int) -> Bool { slot < self.slots && depth < asked[slot].count && asked[slot][depth] }
        guard slots.contains(where: isAsked) else { return nil }
        return try backend.gatherRows(met[depth], at: backend.upload(slots.map { Int32(isAsked($0) ? $0 : self.slots) }))
    }

    /// What was decided for the request of a slot: for each of its maps, nil where the map has no condition.
    func read(_ slot: Int) throws -> [Bool?] {
        try asked[slot].enumerated().map { depth, isAsked in
            isAsked ? try backend.readFloats(met[depth].rows(slot..<slot + 1))[0] != 0 : nil
        }
    }

    /// What was decided for all.
    package func read() throws -> [[Bool?]] { try asked.indices.map(read) }
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
