import CPUBackend
import Foundation
import Tensors
import Testing

/// Elementwise functions, movements and resampling against PyTorch in Float64 and, where a case's name ends so, onnxruntime.
@Suite struct ReferenceMovementTests {
    private let backend = ReferenceBackend()

    @Test(arguments: [
        "activation", "add", "cast", "clamp", "concat", "gather", "modulate", "multiply", "packed", "pad", "permute", "rotation", "scale",
        "slice", "softmax", "subtract", "timestepEmbedding", "upsample",
    ])
    func operationAgreesWithFixtures(_ operation: String) throws {
        let fixture = try ReferenceFixture("movements")
        let cases = try fixture.options().filter { $0.key.hasPrefix(operation + ".") }
        #expect(!cases.isEmpty)
        for (name, options) in cases {
            let result = try run(operation, MovementCase(fixture: fixture, name: name, options: options, backend: backend))
            #expect(try fixture.shape("\(name).output") == result.shape, "\(name)")
            if operation == "cast" {
                var bits = [UInt16](repeating: 0, count: result.shape.count)
                try bits.withUnsafeMutableBytes { try backend.read(result, into: $0) }
                let expected = try backend.readIntegers(fixture.tensor("\(name).output", on: backend))
                #expect(bits.map(Int32.init) == expected, "\(name)")
                continue
            }
            // One rounding to f32 on both sides, and the Float64 errors of what cancels. onnxruntime computes in f32, with a few more; its
            // places in an image, up to 6 here, err by 2⁻²⁴ of themselves along each axis, times differences of pixels up to 5.
            let isSingle = name.hasSuffix("-onnx")
            let mismatch = firstMismatch(
                try backend.readFloats(result), try fixture.floats("\(name).output"), relative: isSingle ? 0x1p-20 : 0x1p-23,
                absolute: isSingle ? 2 * 6 * 5 * 0x1p-24 : 1e-10)
            #expect(mismatch == nil, "\(name)")
        }
    }

    private func run(_ operation: String, _ c: MovementCase) throws -> Tensor {
        switch operation {
        case "activation": return try backend.activation(c.tensor("x"), c.option("activation"))
        case "add": return try backend.add(c.tensor("a"), c.tensor("b"))
        case "subtract": return try backend.subtract(c.tensor("a"), c.tensor("b"))
        case "multiply": return try backend.multiply(c.tensor("a"), c.tensor("b"))
        case "modulate": return try backend.modulate(c.tensor("x"), scale: c.tensor("scale"), shift: c.tensor("shift"))
        case "scale": return try backend.scale(c.tensor("x"), by: c.real("factor"), plus: c.real("offset"))
        case "clamp": return try backend.clamp(c.tensor("x"), from: c.real("low"), to: c.real("high"))
        case "packed":
            return try backend.gatedProduct(packed: c.tensor("x"), gate: c.option("gate"), activation: c.option("activation"))
        case "softmax": return try backend.softmax(c.tensor("x"))
        case "concat": return try backend.concat([c.tensor("a"), c.tensor("b"), c.tensor("c")], axis: c.integer("axis"))
        case "slice":
            return try backend.slice(c.tensor("x"), axis: c.integer("axis"), c.integer("from")..<c.integer("to"))
        case "permute": return try backend.permute(c.tensor("x"), #require(c.options["axes"] as? [Int]))
        case "gather": return try backend.gatherRows(c.tensor("x"), at: c.tensor("indices"))
        case "cast": return try backend.cast(c.tensor("x"), to: c.option("type"))
        case "pad":
            let amounts = try #require(c.options["amounts"] as? [Int])
            let pairs = stride(from: 0, to: amounts.count, by: 2).map { (before: amounts[$0], after: amounts[$0 + 1]) }
            let padding: Padding =
                switch c.options["mode"] as? String {
                case "reflect": .reflect
                case "replicate": .replicate
                default: .constant(try c.real("value"))
                }
            return try backend.pad(c.tensor("x"), pairs, with: padding)
        case "upsample":
            let isNearest = c.options["mode"] as? String == "nearest"
            let corners = try #require(c.options["alignCorners"] as? Bool)
            return try backend.upsample(
                c.tensor("x"), height: c.integer("height"), width: c.integer("width"),
                isNearest ? .nearest : .bilinear(alignCorners: corners))
        case "timestepEmbedding":
            let frequencies = TimestepFrequencies(
                channels: try c.integer("channels"), cosinesFirst: try #require(c.options["cosinesFirst"] as? Bool),
                shift: try c.real("shift"), scale: try c.real("scale"))
            return try backend.timestepEmbedding(c.tensor("timesteps"), frequencies)
        case "rotation":
            return try backend.rope(c.tensor("x"), cosines: c.tensor("cosines"), sines: c.tensor("sines"), layout: c.option("layout"))
        default: throw ReferenceFixture.Missing(description: "no operation \(operation)")
        }
    }
}

/// One case of the fixture.
private struct MovementCase {
    let fixture: ReferenceFixture
    let name: String
    let options: [String: Any]
    let backend: ReferenceBackend

    func tensor(_ key: String) throws -> Tensor { try fixture.tensor("\(name).\(key)", on: backend) }
    func integer(_ key: String) throws -> Int { try #require(options[key] as? Int) }
    func real(_ key: String) throws -> Float { Float(try #require(options[key] as? Double)) }
    func option<Option: RawRepresentable<String>>(_ key: String) throws -> Option {
        try #require((options[key] as? String).flatMap(Option.init(rawValue:)))
    }
}
