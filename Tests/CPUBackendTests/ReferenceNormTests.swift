import CPUBackend
import Tensors
import Testing

/// Norms, and maps of activations with pixels, against PyTorch in Float64, rounded to f32 at the end.
///
/// The reference rounds once a step: the norm's result, the map's, the activation's. Each is at most half a unit in the last place,
/// which later steps enlarge by no more than the slopes of the maps (below 4) and of the activations (below 1.2); values stay below 16, where
/// a unit is 2⁻²⁰. The fixture's own rounding and that of ε add one more.
@Suite struct ReferenceNormTests {
    private let backend = ReferenceBackend()
    private static let absolute = 3 * 4 * 0x1p-21

    private static func cases(_ operation: String) -> [String] {
        ((try? ReferenceFixture("norms").options().keys.filter { $0.hasPrefix(operation + ".") }) ?? []).sorted()
    }

    private func optional(_ fixture: ReferenceFixture, _ key: String) throws -> Tensor? {
        fixture.has(key) ? try fixture.tensor(key, on: backend) : nil
    }

    private func map(_ fixture: ReferenceFixture, _ name: String) throws -> TransportApplication? {
        guard let table = try optional(fixture, "\(name).table") else { return nil }
        let spatial = try #require(fixture.options()[name]?["spatial"] as? String)
        return TransportApplication(
            table: table, indices: try fixture.tensor("\(name).indices", on: backend),
            strengths: try fixture.tensor("\(name).strengths", on: backend),
            spatial: try #require(SpatialMode(rawValue: spatial)))
    }

    private func epsilon(_ fixture: ReferenceFixture, _ name: String) throws -> Float {
        Float(try #require(fixture.options()[name]?["epsilon"] as? Double))
    }

    private func check(_ result: Tensor, _ fixture: ReferenceFixture, _ name: String) throws {
        let mismatch = firstMismatch(
            try backend.readFloats(result), try fixture.floats("\(name).output"), relative: 0x1p-23, absolute: Self.absolute)
        #expect(mismatch == nil, "\(name)")
    }

    @Test(arguments: cases("layerNorm"))
    func layerNorm(_ name: String) throws {
        let fixture = try ReferenceFixture("norms")
        let result = try backend.layerNorm(
            fixture.tensor("\(name).x", on: backend), gain: optional(fixture, "\(name).gain"), bias: optional(fixture, "\(name).bias"),
            epsilon: epsilon(fixture, name))
        try check(result, fixture, name)
    }

    @Test(arguments: cases("groupNorm"))
    func groupNorm(_ name: String) throws {
        let fixture = try ReferenceFixture("norms")
        let options = try #require(fixture.options()[name])
        let maps = try map(fixture, name).map { [$0] } ?? []
        let isBefore = options["place"] as? String == "before"
        let activation = try #require(options["activation"] as? String)
        let epilogue = Epilogue(
            activation: try #require(Activation(rawValue: activation)),
            transports: isBefore ? [] : maps, residual: try optional(fixture, "\(name).residual"))
        let result = try backend.groupNorm(
            fixture.tensor("\(name).x", on: backend), groups: try #require(options["groups"] as? Int),
            gain: optional(fixture, "\(name).gain"), bias: optional(fixture, "\(name).bias"), epsilon: epsilon(fixture, name),
            transports: isBefore ? maps : [], epilogue: epilogue)
        try check(result, fixture, name)
    }

    @Test(arguments: cases("transport"))
    func transport(_ name: String) throws {
        let fixture = try ReferenceFixture("norms")
        let map = try #require(try map(fixture, name))
        try check(backend.transport(fixture.tensor("\(name).x", on: backend), by: map), fixture, name)
    }

    @Test func theFixtureHasCases() {
        #expect(Self.cases("layerNorm").count == 6 && Self.cases("groupNorm").count == 9 && Self.cases("transport").count == 4)
    }
}
