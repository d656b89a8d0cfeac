import CPUBackend
import Foundation
import ModelFiles
import Tensors
import Testing
import VulkanBackend

/// Convolutions against PyTorch and onnxruntime (tools/parity/make_convolutions.py), on every path: the reference, the kernels of every
/// instruction set, every layout of kernels on Vulkan.
///
/// Inputs are such that every sum is exact in f32 in any order: results in f32 must be equal, and those in f16 be within one rounding,
/// which may go to either side.
@Suite struct ConvolutionParityTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/convolutions.safetensors")

    private static func backends() throws -> [any Backend] {
        try [ReferenceBackend()] + InstructionSet.allCases.filter(\.isAvailable).map { try CPUBackend(threads: 2, instructions: $0) }
            + TestBackend.families().map { try TestBackend.make(family: $0) }
    }

    /// The types of activations and weights.
    private static let types: [(x: DType, weight: DType)] = [(.f32, .f32), (.f16, .f16), (.f32, .bf16)]

    @Test func everyPathAgreesWithPyTorch() throws {
        let file = try SafetensorsFile(path: Self.file.path)
        let text = try #require(file.metadata["options"])
        let options = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [String: Any]])
        #expect(options.count == 17)
        for backend in try Self.backends() {
            for (index, name) in options.keys.sorted().enumerated() {
                let expected = try file.tensor(name)
                let (x, weight) = Self.types[index % Self.types.count]
                let fixture = try ConvolutionFixture(#require(options[name]))
                let result = try fixture.run(on: backend, x: x, weight: weight)
                #expect(result.dtype == x && result.shape == expected.shape, "\(name), \(backend.name)")
                let mismatch = try zip(backend.readFloats(result), expected.floats()).first { value, expected in
                    let storing = x == .f16 ? 0x1p-10 * abs(expected) : 0
                    return !(abs(value - expected) <= storing)
                }
                #expect(mismatch == nil, "\(name), x \(x), weight \(weight), \(backend.name)")
            }
        }
    }
}

/// One case: its options, and its inputs made as the script makes them.
private struct ConvolutionFixture {
    let number, groups, upsampling: Int
    let x, weight: Shape
    let stride, dilation: Extent2D
    let padding: ConvolutionPadding
    let outputPadding: Extent2D?

    init(_ options: [String: Any]) throws {
        func numbers(_ key: String) throws -> [Int] { try #require(options[key] as? [Int]) }
        func extent(_ key: String) throws -> Extent2D { Extent2D(height: try numbers(key)[0], width: try numbers(key)[1]) }
        number = try #require(options["number"] as? Int)
        groups = try #require(options["groups"] as? Int)
        upsampling = try #require(options["upsampling"] as? Int)
        x = Shape(try numbers("x"))
        weight = Shape(try numbers("weight"))
        (stride, dilation) = (try extent("stride"), try extent("dilation"))
        let sides = try numbers("padding")
        padding = ConvolutionPadding(top: sides[0], bottom: sides[1], left: sides[2], right: sides[3])
        outputPadding = options["output_padding"] is [Int] ? try extent("output_padding") : nil
    }

    func run(on backend: any Backend, x dtype: DType, weight weightType: DType) throws -> Tensor {
        let input = try upload(Self.numbers(4 * number, x.count), x, dtype, on: backend)
        let stored = Self.bytes(Self.numbers(4 * number + 1, weight.count), weightType)
        let (bytes, shape) = try stored.withUnsafeBytes {
            outputPadding == nil
                ? try ConvolutionWeights.fromConv($0, weight, weightType)
                : try ConvolutionWeights.fromConvTranspose($0, weight, weightType, groups: groups)
        }
        let matrix = try bytes.withUnsafeBytes { try backend.upload($0, shape, weightType) }
        let bias = try backend.upload(Self.numbers(4 * number + 2, shape[0]))
        if let outputPadding {
            return try backend.convTranspose2d(
                input, weight: matrix, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups,
                outputPadding: outputPadding)
        }
        if x[1] == 1 && weight[2] == 1 {
            let result = try backend.conv1d(
                input.reshaped([x[0], x[2], x[3]]), weight: matrix.reshaped([shape[0], shape[2], shape[3]]), bias: bias,
                stride: stride.width, padding: (padding.left, padding.right), dilation: dilation.width, groups: groups)
            return try result.reshaped([result.shape[0], 1, result.shape[1], result.shape[2]])
        }
        return try backend.conv2d(
            input, weight: matrix, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups, upsampling: upsampling)
    }

    private func upload(_ values: [Float], _ shape: Shape, _ dtype: DType, on backend: any Backend) throws -> Tensor {
        try Self.bytes(values, dtype).withUnsafeBytes { try backend.upload($0, shape, dtype) }
    }

    /// `numbers` of the script.
    private static func numbers(_ seed: Int, _ count: Int) -> [Float] {
        (0..<UInt32(count)).map { index in
            var h = index &* 2_654_435_761 &+ UInt32(truncatingIfNeeded: seed) &* 2_246_822_519
            h ^= h >> 15
            h = h &* 2_246_822_519
            h ^= h >> 13
            h = h &* 3_266_489_917
            h ^= h >> 16
            return (Float(h & 255) - 128) / 64
        }
    }

    /// The numbers in a type that has them.
    private static func bytes(_ values: [Float], _ dtype: DType) -> [UInt8] {
        switch dtype {
        case .f16: values.map { Float16($0) }.withUnsafeBytes { Array($0) }
        case .bf16: values.map { UInt16($0.bitPattern >> 16) }.withUnsafeBytes { Array($0) }
        default: values.withUnsafeBytes { Array($0) }
        }
    }
}
