import Foundation
import Models
import Monge
import Tensors
import Testing
import Transport

/// What a user relies on when several requests with different maps share a batch.
@Suite struct SteeringTests {
    static let norms = [#".*layernorm"#, #"model\.norm"#]

    private func map(_ model: Model) throws -> TransportMap {
        try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: Self.norms,
            options: FitOptions(method: .mean, estimation: .simultaneous))
    }

    @Test(arguments: [DeviceChoice.cpu, .vulkanIndex(0)])
    func strengthZeroAndOutsideTheSupportAreTheSameBits(device: DeviceChoice) throws {
        let model = try TestModel.load(device)
        let map = try map(model)
        let ids = model.tokenizer.encode("Once upon a time", addSpecial: true, parseSpecial: false)
        let plain = try model.logits(of: ids)
        #expect(try model.logits(of: ids, steering: [map.at(0)]) == plain)
        var outside = map
        for index in outside.sites.indices {
            let channels = outside.sites[index].map.channels
            outside.sites[index].map.low = Array(repeating: 1e30, count: channels)
            outside.sites[index].map.high = Array(repeating: 2e30, count: channels)
        }
        #expect(try model.logits(of: ids, steering: [outside.at(1)]) == plain)
        #expect(try model.logits(of: ids, steering: [map.at(0.5)]) != plain)
    }

    @Test func requestsDoNotInfluenceEachOther() throws {
        let model = try TestModel.load(.cpu)
        let map = try map(model)
        let options = GenerationOptions(tokens: 6, temperature: 0)
        let requests = [
            GenerationRequest("Once upon a time", steering: [map.at(0.5)]), GenerationRequest("The capital of France is"),
            GenerationRequest("My favourite food", steering: [map.at(-0.25), map.at(0.1)]),
        ]
        let together = try model.generate(requests, options: options).map(\.text)
        let alone = try requests.map { try model.generate([$0], options: options)[0].text }
        #expect(together == alone)
    }

    @Test func theSameSeedGivesTheSameText() throws {
        let model = try TestModel.load(.cpu)
        let options = GenerationOptions(tokens: 8, topP: 0.9, repetitionPenalty: 1.1, seed: 5)
        let requests = Array(repeating: GenerationRequest("Once upon a time"), count: 3)
        let first = try model.generate(requests, options: options)
        #expect(try model.generate(requests, options: options) == first)
        #expect(Set(first.map(\.text)).count > 1, "each request draws its own numbers")
        var other = options
        other.seed = 6
        #expect(try model.generate(requests, options: other) != first)
    }

    @Test func aMapOfAnotherModelIsRefused() throws {
        let model = try TestModel.load(.cpu)
        var foreign = try map(model)
        foreign.description.fingerprint = "ffffffffffffffff"
        #expect(throws: MongeError.self) { try model.generate("Hello", steering: [foreign.at(1)]) }
        var renamed = try map(model)
        renamed.sites[0].name = "transformer.h.0.ln_1"
        #expect(throws: MongeError.self) { try model.generate("Hello", steering: [renamed.at(1)]) }
    }

    @Test func theContextHasAnEnd() throws {
        let model = try TestModel.load(.cpu)
        #expect(throws: MongeError.self) { try model.generate("Hello", options: GenerationOptions(tokens: model.language.contextLength)) }
        #expect(throws: MongeError.self) { try model.generate("") }
        #expect(throws: MongeError.self) { try model.logits(of: [Int32(model.language.vocabularySize)]) }
    }

    @Test func greedyTextIsTheSameOnEveryDevice() throws {
        let texts = try [DeviceChoice.cpu, .vulkanIndex(0)].map {
            try TestModel.load($0).generate("The capital of France is", options: GenerationOptions(tokens: 8, temperature: 0))
        }
        #expect(texts[0] == texts[1])
        #expect(texts[0].contains("Paris"))
    }
}
