import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// The sites of every family, and passes in parts (tools/parity/make_families.py).
@Suite struct FamilySiteTests {
    /// As for the logits, relative to the largest of a site's means.
    static let tolerance: Float = 2e-5

    private static let folders = ["gemma2", "gemma3", "gpt2", "olmo2", "phi3", "qwen3", "smollm3"]

    private func with<T>(
        _ name: String, activations: DType = .f32, on backend: any Backend, _ body: (any LanguageModel, [Int32]) throws -> T
    ) throws -> T {
        let cases = try FamilyParityTests.cases()
        let item = try #require(cases.folders.first { $0.name == name })
        return try FamilyParityTests.withFolder(item) { folder in
            try body(LanguageModels.load(folder, activations: activations, on: backend), Array(cases.ids.prefix(item.tokens)))
        }
    }

    private func logits(
        _ model: any LanguageModel, _ ids: [Int32], start: Int = 0, cache: KeyValueCache? = nil, context: ForwardContext? = nil
    ) throws -> [Float] {
        let backend = model.backend
        let batch = try TokenBatch(
            [TokenBatch.Sequence(tokens: ids, start: start, slot: 0)], capacity: cache?.capacity ?? ids.count, on: backend)
        let hidden = try model.forward(batch, cache: cache, context: context ?? ForwardContext(backend: backend), output: .all)
        return try backend.readFloats(model.logits(hidden))
    }

    /// A context that keeps what every site sees, by index.
    private func observing(
        _ model: any LanguageModel, transports: [[TransportApplication]] = [], _ see: @escaping (Site, [Float]) -> Void
    ) -> ForwardContext {
        ForwardContext(
            backend: model.backend, transports: transports, tapped: model.sites.map(\.index), siteCount: model.sites.count
        ) { site, activation in see(site, try model.backend.readFloats(activation)) }
    }

    /// Every module of transformers with a result of its own is a site, and gives what the module gives.
    @Test(arguments: folders) func sitesHoldWhatTheirModulesGive(name: String) throws {
        let fixture = try TestModel.file("families/sites.safetensors")
        for device in [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)] {
            try with(name, on: device.open()) { model, ids in
                let expected = fixture.tensorNames.filter { $0.hasPrefix(name + "/") }
                #expect(Set(expected) == Set(model.sites.map { "\(name)/\($0.name)" }))
                var seen = 0
                _ = try logits(
                    model, ids,
                    context: observing(model) { site, values in
                        seen += 1
                        guard let means = try? fixture.floats("\(name)/\(site.name)"), means.count == site.channels else {
                            Issue.record("\(site.name) has \(site.channels) channels")
                            return
                        }
                        let scale = max(1, values.map(abs).max()!)
                        for channel in means.indices {
                            let mean =
                                stride(from: channel, to: values.count, by: site.channels).reduce(0) { $0 + values[$1] } / Float(ids.count)
                            #expect(abs(mean - means[channel]) <= Self.tolerance * scale, "\(site.name) \(channel) on \(device)")
                        }
                    })
                #expect(seen == model.sites.count)
            }
        }
    }

    /// A map at a site gives the same model whether it is fused into a product or acts on its own before a tap.
    @Test(arguments: folders) func mapsActTheSameFusedAndAlone(name: String) throws {
        let backend = try DeviceChoice.cpuReference.open()
        try with(name, on: backend) { model, ids in
            let plain = try logits(model, ids)
            for site in model.sites {
                // T(x) = 0.5 x + β, with a β of its own for neighbours: norms with means take out one for all.
                let rows = (0..<site.channels).flatMap { [0.5, 0.25 * Float($0 % 3), -.infinity, .infinity] as [Float] }
                let identity: [Float] = [1, 0, -.infinity, .infinity]
                let table = try backend.upload(
                    (0..<site.channels).flatMap { _ in identity } + rows, [2, site.channels, 4])
                let map = TransportApplication(
                    table: table, indices: try backend.upload([Int32(1)]), strengths: try backend.upload([Float(1)]))
                var transports = [[TransportApplication]](repeating: [], count: model.sites.count)
                transports[site.index] = [map]
                let fused = try logits(
                    model, ids, context: ForwardContext(backend: backend, transports: transports, siteCount: model.sites.count))
                let alone = try logits(model, ids, context: observing(model, transports: transports) { _, _ in })
                let scale = max(1, plain.map(abs).max()!)
                #expect(zip(fused, alone).allSatisfy { abs($0 - $1) <= 1e-5 * scale }, "\(site.name)")
                #expect(zip(fused, plain).contains { abs($0 - $1) > 1e-4 }, "\(site.name) does nothing")
            }
        }
    }

    /// A prompt in two parts and then token by token, over a cache, gives what one pass gives.
    @Test(arguments: folders + ["phi3-long", "qwen3-windows", "smollm3-layers"]) func passesOverACacheAreOnePass(name: String) throws {
        for device in [DeviceChoice.cpuReference, .vulkanIndex(0)] {
            try with(name, on: device.open()) { model, ids in
                let whole = try logits(model, ids)
                let cache = try model.makeCache(slots: 1, capacity: ids.count)
                var parts: [Float] = []
                for range in [0..<13, 13..<30] + (30..<ids.count).map({ $0..<$0 + 1 }) {
                    parts += try logits(model, Array(ids[range]), start: range.lowerBound, cache: cache)
                }
                let scale = max(1, whole.map(abs).max()!)
                #expect(zip(whole, parts).allSatisfy { abs($0 - $1) <= Self.tolerance * scale }, "\(device)")
            }
        }
    }

    /// In f16 norms' results and what products read are rounded: 2⁻¹¹ each, over up to six layers, whose random weights widen differences.
    @Test(arguments: folders + ["phi3-long"]) func activationsMayBeHalves(name: String) throws {
        let backend = try DeviceChoice.cpuReference.open()
        let whole = try with(name, on: backend) { try logits($0, $1) }
        let halves = try with(name, activations: .f16, on: backend) { model, ids in
            #expect(model.activations == .f16)
            return try logits(model, ids)
        }
        let scale = max(1, whole.map(abs).max()!)
        let largest = zip(whole, halves).map { abs($0 - $1) }.max()!
        #expect(largest <= 0.03 * scale, "\(largest) of \(scale)")
        #expect(largest > 0)
    }

    /// A folder and the GGUF file of the same weights are one model: sites, fingerprint and sketch agree, so that maps go from one to the other.
    @Test(arguments: folders) func filesAreTheModelsOfTheirFolders(name: String) throws {
        let backend = try DeviceChoice.cpuReference.open()
        let file = try LanguageModels.load(
            GGUFFile(path: TestModel.fixtures.appendingPathComponent("families/\(name).gguf").path), on: backend)
        try with(name, on: backend) { model, _ in
            #expect(file.architecture == model.architecture)
            #expect(file.sites == model.sites)
            #expect(file.fingerprint == model.fingerprint)
            let (a, b) = (try #require(try file.sketch), try #require(try model.sketch))
            #expect(a.firstDifference(from: b) == nil)
        }
    }
}
