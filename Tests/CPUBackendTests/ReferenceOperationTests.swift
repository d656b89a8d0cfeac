import CPUBackend
import Tensors
import Testing

/// Single operations against PyTorch in Float64, rounded to f32 at the end.
///
/// Both sides round an exact value to f32 once, so that they differ by at most one unit in the last place, 2⁻²³ of the value; where
/// terms cancel, Float64's own error of about 2⁻⁵² of the terms (below 10⁵ here) remains.
@Suite struct ReferenceOperationTests {
    private let backend = ReferenceBackend()

    private static func cases(_ operation: String) throws -> [String] {
        try ReferenceFixture("operations").options().keys.filter { $0.hasPrefix(operation + ".") }.sorted()
    }

    private func check(_ result: Tensor, _ fixture: ReferenceFixture, _ name: String) throws {
        let mismatch = firstMismatch(
            try backend.readFloats(result), try fixture.floats("\(name).output"), relative: 0x1p-23, absolute: 1e-10)
        #expect(mismatch == nil, "\(name)")
    }

    /// The transport of a case, nil where it has none.
    private func transport(_ fixture: ReferenceFixture, _ name: String) throws -> TransportApplication? {
        guard fixture.has("\(name).table") else { return nil }
        return TransportApplication(
            table: try fixture.tensor("\(name).table", on: backend), indices: try fixture.tensor("\(name).indices", on: backend),
            strengths: try fixture.tensor("\(name).strengths", on: backend),
            gates: try optional(fixture, "\(name).gates").map {
                TransportGates(weights: $0, intercepts: try fixture.tensor("\(name).intercepts", on: backend))
            })
    }

    private func optional(_ fixture: ReferenceFixture, _ key: String) throws -> Tensor? {
        fixture.has(key) ? try fixture.tensor(key, on: backend) : nil
    }

    private func activation(_ fixture: ReferenceFixture, _ name: String) throws -> Activation {
        let text = try #require(fixture.options()[name]?["activation"] as? String)
        return try #require(Activation(rawValue: text))
    }

    private func number(_ value: Any?) -> Float? { (value as? Double).map(Float.init) }

    @Test func rmsNorm() throws {
        let fixture = try ReferenceFixture("operations")
        for name in try Self.cases("rmsNorm") {
            let epsilon = try #require(number(fixture.options()[name]?["epsilon"]))
            let result = try backend.rmsNorm(
                fixture.tensor("\(name).x", on: backend), gain: fixture.tensor("\(name).gain", on: backend), epsilon: epsilon)
            // ε is a Float64 there and a Float here: half a unit in its last place, of which the root takes half.
            let mismatch = firstMismatch(
                try backend.readFloats(result), try fixture.floats("\(name).output"), relative: 0x1p-23 + 0x1p-25, absolute: 1e-10)
            #expect(mismatch == nil, "\(name)")
        }
    }

    @Test func rope() throws {
        let fixture = try ReferenceFixture("operations")
        for name in try Self.cases("rope") {
            let options = try #require(fixture.options()[name])
            let result = try backend.rope(
                fixture.tensor("\(name).x", on: backend), positions: fixture.tensor("\(name).positions", on: backend),
                dimensions: try #require(options["dimensions"] as? Int), base: try #require(number(options["base"])),
                layout: try #require((options["layout"] as? String).flatMap(RopeLayout.init(rawValue:))),
                frequencyFactors: optional(fixture, "\(name).factors"))
            try check(result, fixture, name)
        }
    }

    @Test func attention() throws {
        let fixture = try ReferenceFixture("operations")
        for name in try Self.cases("attention") {
            let options = try #require(fixture.options()[name])
            let lengths = try fixture.tensor("\(name).key_lengths", on: backend)
            let segments = Segments(
                queryStarts: try fixture.tensor("\(name).query_starts", on: backend), keyLengths: lengths,
                slots: try fixture.tensor("\(name).slots", on: backend), maximumQueries: try fixture.shape("\(name).queries")[0],
                maximumKeys: Int(try #require(backend.readIntegers(lengths).max())))
            let scale: Float = try #require(number(options["scale"]))
            let result = try backend.attention(
                fixture.tensor("\(name).queries", on: backend), keys: fixture.tensor("\(name).keys", on: backend),
                values: fixture.tensor("\(name).values", on: backend), segments: segments,
                scale: scale, causal: try #require(options["causal"] as? Bool),
                window: options["window"] as? Int, softCap: number(options["softCap"]))
            try check(result, fixture, name)
        }
    }

    @Test func gatedProduct() throws {
        let fixture = try ReferenceFixture("operations")
        for name in try Self.cases("gatedProduct") {
            let activation = try activation(fixture, name)
            let result = try backend.gatedProduct(
                gate: fixture.tensor("\(name).gate", on: backend), up: fixture.tensor("\(name).up", on: backend),
                activation: activation)
            try check(result, fixture, name)
        }
    }

    @Test func linear() throws {
        let fixture = try ReferenceFixture("operations")
        for name in try Self.cases("linear") {
            let activation = try activation(fixture, name)
            let map = try transport(fixture, name)
            let epilogue = Epilogue(
                activation: activation, transports: map.map { [$0] } ?? [],
                residual: try optional(fixture, "\(name).residual"))
            let result = try backend.linear(
                fixture.tensor("\(name).x", on: backend), weight: fixture.tensor("\(name).weight", on: backend),
                bias: optional(fixture, "\(name).bias"), epilogue: epilogue)
            // A transport acts on the rounded value: ω (below 4) and λ (below 2) may enlarge that rounding; values stay below 16.
            let mismatch = firstMismatch(
                try backend.readFloats(result), try fixture.floats("\(name).output"), relative: 0x1p-23,
                absolute: map == nil ? 1e-10 : 8 * 16 * 0x1p-24)
            #expect(mismatch == nil, "\(name)")
        }
    }

    @Test func transports() throws {
        let fixture = try ReferenceFixture("operations")
        for name in try Self.cases("transport") {
            let result = try backend.transport(
                fixture.tensor("\(name).x", on: backend), by: #require(try transport(fixture, name)))
            try check(result, fixture, name)
        }
    }

    @Test(arguments: ["rmsNorm", "rope", "attention", "gatedProduct", "linear", "transport"])
    func theFixtureHasCases(_ operation: String) throws {
        #expect(try Self.cases(operation).count >= 2)
    }
}
