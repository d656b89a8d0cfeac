import CPUBackend
import Foundation
import ModelFiles
import Tensors
import Testing
import VulkanBackend

/// Operations that read one type and write another, against PyTorch in Float64 (tools/parity/make_types.py), on every path: the reference,
/// the kernels of every instruction set, every layout of kernels on Vulkan, and products as on tensor cores.
@Suite struct TypeParityTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/types.safetensors")

    private static func backends() throws -> [any Backend] {
        let matrix = MatrixOptions(.only(.emulated), inputs: .activations)
        return try [ReferenceBackend()]
            + InstructionSet.allCases.filter(\.isAvailable).map { try CPUBackend(threads: 2, instructions: $0) }
            + TestBackend.families().map { try TestBackend.make(family: $0) } + [TestBackend.make(family: .tiles, matrix: matrix)]
    }

    /// How far an f32 result may lie from PyTorch's: sums of K ≤ 288 products, 8√K·u·Σ|x·w| with Σ|x·w| below 23 (the fixture's weights
    /// have a deviation of 0.1); norms and attention, of values below 16, err by less. In the case that overflows, Σ|x·w| is 4·10⁵ and K 64.
    private static func absolute(_ name: String) -> Float { name == "linear.overflow" ? 1.6 : 2e-4 }

    @Test func everyPathAgreesWithPyTorch() throws {
        let file = try SafetensorsFile(path: Self.file.path)
        let text = try #require(file.metadata["options"])
        let options = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [String: Any]])
        #expect(options.count == 27)
        for backend in try Self.backends() {
            let isMatrix = (backend as? VulkanBackend)?.matrixInputs == .activations
            for name in options.keys.sorted() {
                let fixture = try TypeFixture(name, #require(options[name]), file, backend)
                let result = try fixture.run()
                let expected = try file.tensor("\(name).output")
                #expect(result.dtype == fixture.outputType && result.shape == expected.shape, "\(name), \(backend.name)")
                // Weights of the softmax are rounded to f16 on tensor cores, and so is half an ulp of each value: 2⁻¹⁰ of values below 4.
                let weights: Float = isMatrix && fixture.operation == "attention" ? 4 * 0x1p-10 : 0
                let mismatch = try zip(backend.readFloats(result), expected.floats()).enumerated().first { _, pair in
                    let (value, expected) = pair
                    if expected.isInfinite { return value != expected }
                    // A rounding to either side, or one that goes the other way for the error before it.
                    let storing = result.dtype == .f16 ? 0x1p-10 * abs(expected) : 0
                    return !(abs(value - expected) <= storing + Self.absolute(name) + weights)
                }
                #expect(mismatch == nil, "\(name), \(backend.name)")
            }
        }
    }

    @Test func whatNoResultCanBeIsRefused() throws {
        let backend = ReferenceBackend()
        let x = try backend.upload([1, 2, 3, 4] as [Float], [2, 2])
        let gain = try backend.upload([1, 1] as [Float])
        let weight = try backend.upload([1, 2, 3, 4] as [Float], [2, 2])
        // Neither a weight's type nor another than the output's.
        #expect(throws: TensorError.self) { try backend.rmsNorm(x, gain: gain, epsilon: 0, as: .bf16) }
        #expect(throws: TensorError.self) { try backend.linear(x, weight: weight, as: .q8_0) }
        #expect(throws: TensorError.self) { try backend.linear(x, weight: weight, as: .f16, into: backend.allocate([2, 2], .f32)) }
        #expect(throws: TensorError.self) { try backend.linear(x, weight: weight, into: backend.allocate([2, 2], .i32)) }
        let integers = Epilogue(residual: try backend.upload([1, 2, 3, 4] as [Int32], [2, 2]))
        #expect(throws: TensorError.self) { try backend.linear(x, weight: weight, epilogue: integers) }
    }
}

/// One case: its options, and its tensors in their types.
private struct TypeFixture {
    let name, operation: String
    let outputType: DType
    private let options: [String: Any]
    private let types: [String: DType]
    private let file: SafetensorsFile
    private let backend: any Backend

    init(_ name: String, _ options: [String: Any], _ file: SafetensorsFile, _ backend: any Backend) throws {
        (self.name, self.options, self.file, self.backend) = (name, options, file, backend)
        operation = try #require(options["operation"] as? String)
        types = try #require(options["types"] as? [String: String]).mapValues { try #require(DType(rawValue: $0)) }
        outputType = try #require(types["output"])
    }

    private func tensor(_ key: String) throws -> Tensor {
        let stored = try file.tensor("\(name).\(key)")
        let floats = try stored.floats()
        guard types[key] == .f16 else { return try backend.upload(floats, stored.shape) }
        return try backend.upload(floats.map { Float16($0) }, stored.shape, .f16)
    }

    private func optional(_ key: String) throws -> Tensor? { file.contains(tensor: "\(name).\(key)") ? try tensor(key) : nil }

    private func number<T>(_ key: String, as type: T.Type = T.self) throws -> T { try #require(options[key] as? T) }

    func run() throws -> Tensor {
        let epilogue = Epilogue(residual: try optional("residual"))
        let dtype = outputType
        switch operation {
        case "rmsNorm":
            return try backend.rmsNorm(tensor("x"), gain: tensor("gain"), epsilon: Float(number("epsilon", as: Double.self)), as: dtype)
        case "layerNorm":
            return try backend.layerNorm(
                tensor("x"), gain: tensor("gain"), bias: tensor("bias"), epsilon: Float(number("epsilon", as: Double.self)), as: dtype)
        case "groupNorm":
            return try backend.groupNorm(
                tensor("x"), groups: number("groups"), gain: tensor("gain"), bias: tensor("bias"),
                epsilon: Float(number("epsilon", as: Double.self)),
                epilogue: Epilogue(activation: .silu, residual: tensor("residual")), as: dtype)
        case "linear":
            return try backend.linear(tensor("x"), weight: tensor("weight"), bias: optional("bias"), epilogue: epilogue, as: dtype)
        case "conv2d", "convTranspose2d":
            let stride: Int = try number("stride")
            let padding: Int = try number("padding")
            let (step, sides) = (
                Extent2D(height: stride, width: stride), ConvolutionPadding(top: padding, bottom: padding, left: padding, right: padding)
            )
            if operation == "conv2d" {
                return try backend.conv2d(
                    tensor("x"), weight: tensor("weight"), stride: step, padding: sides, epilogue: epilogue, as: dtype)
            }
            return try backend.convTranspose2d(
                tensor("x"), weight: tensor("weight"), stride: step, padding: sides, epilogue: epilogue, as: dtype)
        case "attention":
            return try backend.attention(tensor("queries"), keys: tensor("keys"), values: tensor("values"), as: dtype)
        case "gatedProduct":
            return try backend.gatedProduct(gate: tensor("gate"), up: tensor("up"), activation: .silu, as: dtype)
        case "multiplyAdd":
            return try backend.multiplyAdd(tensor("x"), by: tensor("factor"), plus: tensor("addend"), as: dtype)
        default:
            return try backend.rope(
                tensor("x"), cosines: tensor("cosines"), sines: tensor("sines"), layout: .rotateHalf, as: dtype)
        }
    }
}
