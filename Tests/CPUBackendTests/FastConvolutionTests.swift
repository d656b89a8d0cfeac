import CPUBackend
import Tensors
import Testing

/// Convolutions of sizes that reach every path of the kernels: products of packed patches, packed weights in one piece and in blocks of K,
/// kernels for each channel, and parts of transposed convolutions.
@Suite struct FastConvolutionTests {
    struct Geometry: CustomStringConvertible, Sendable {
        var name: String
        var x: Shape
        var weight: Shape
        var dtype = DType.f32
        var stride: Extent2D = 1
        var padding: ConvolutionPadding = 0
        var dilation: Extent2D = 1
        var groups = 1
        var upsampling = 1
        var outputPadding: Extent2D = 0
        var isTransposed = false

        var description: String { name }
    }

    static let geometries: [Geometry] = [
        Geometry(name: "few pixels", x: [2, 10, 9, 40], weight: [100, 3, 3, 40], padding: 1),
        Geometry(name: "few pixels, channels not whole vectors", x: [1, 9, 11, 37], weight: [21, 3, 2, 37], padding: 1),
        Geometry(name: "blocks of K", x: [1, 24, 25, 96], weight: [200, 3, 3, 96], padding: 1),
        Geometry(name: "blocks of K, stride and groups", x: [2, 35, 36, 260], weight: [180, 3, 3, 130], stride: 2, padding: 1, groups: 2),
        Geometry(name: "blocks of K, q8_0", x: [1, 24, 24, 64], weight: [130, 3, 3, 64], dtype: .q8_0, padding: 1),
        Geometry(name: "three channels", x: [2, 30, 31, 3], weight: [20, 3, 3, 3], padding: 1),
        Geometry(name: "patches side by side", x: [1, 192, 200, 3], weight: [70, 8, 8, 3], stride: 8),
        Geometry(name: "taps apart", x: [1, 40, 41, 5], weight: [33, 3, 3, 5], padding: 1, dilation: 2),
        Geometry(name: "sides unlike", x: [1, 33, 30, 17], weight: [9, 2, 5, 17], padding: ConvolutionPadding(top: 1, left: 4, right: 1)),
        Geometry(name: "upsampled", x: [1, 14, 15, 6], weight: [10, 3, 3, 6], padding: 1, upsampling: 2),
        Geometry(name: "few results", x: [1, 26, 25, 128], weight: [3, 3, 3, 128], dtype: .f16, padding: 1),
        Geometry(name: "small groups", x: [1, 26, 25, 64], weight: [64, 3, 3, 8], dtype: .bf16, padding: 1, groups: 8),
        Geometry(name: "a sequence", x: [1, 1, 700, 24], weight: [40, 1, 3, 24], padding: ConvolutionPadding(left: 2)),
        Geometry(name: "depthwise", x: [2, 25, 26, 37], weight: [37, 3, 3, 1], padding: 1, groups: 37),
        Geometry(name: "depthwise of many channels", x: [1, 18, 19, 300], weight: [300, 7, 7, 1], dtype: .f16, padding: 3, groups: 300),
        Geometry(name: "depthwise with stride", x: [1, 33, 35, 20], weight: [20, 3, 5, 1], stride: 2, padding: 1, groups: 20),
        Geometry(name: "depthwise, taps apart", x: [1, 20, 21, 16], weight: [16, 3, 3, 1], padding: 2, dilation: 2, groups: 16),
        Geometry(name: "depthwise, upsampled", x: [1, 9, 9, 12], weight: [12, 3, 3, 1], padding: 1, groups: 12, upsampling: 2),
        Geometry(name: "depthwise, wider than the image", x: [1, 4, 3, 18], weight: [18, 7, 7, 1], padding: 3, groups: 18),
        Geometry(
            name: "depthwise, transposed", x: [1, 9, 10, 18], weight: [18, 4, 4, 1], stride: 2, padding: 1, groups: 18, isTransposed: true),
        Geometry(name: "transposed", x: [1, 24, 25, 70], weight: [50, 4, 4, 70], stride: 2, padding: 1, isTransposed: true),
        Geometry(
            name: "transposed, few pixels", x: [2, 7, 6, 30], weight: [20, 3, 3, 30], stride: 2, outputPadding: 1, isTransposed: true),
        Geometry(name: "transposed, outputs without taps", x: [1, 24, 25, 8], weight: [6, 2, 2, 8], stride: 3, isTransposed: true),
        Geometry(
            name: "transposed, groups and taps apart", x: [1, 24, 24, 64], weight: [12, 3, 3, 32], dtype: .q8_0, stride: 2, dilation: 3,
            groups: 2, isTransposed: true),
        Geometry(name: "transposed without stride", x: [1, 24, 25, 9], weight: [6, 3, 3, 9], padding: 1, isTransposed: true),
    ]

    private func compute(
        _ geometry: Geometry, x: [Float], weight: [UInt8], _ dtype: DType, epilogue: (bias: [Float], residual: [Float]?)?,
        _ backend: any Backend
    ) throws -> (values: [Float], shape: Shape) {
        let x = try backend.upload(x, geometry.x)
        let weight = try backend.weight(weight, geometry.weight, dtype)
        let bias = try epilogue.map { try backend.upload($0.bias) }
        func run(_ epilogue: Epilogue) throws -> Tensor {
            geometry.isTransposed
                ? try backend.convTranspose2d(
                    x, weight: weight, bias: bias, stride: geometry.stride, padding: geometry.padding, dilation: geometry.dilation,
                    groups: geometry.groups, outputPadding: geometry.outputPadding, epilogue: epilogue)
                : try backend.conv2d(
                    x, weight: weight, bias: bias, stride: geometry.stride, padding: geometry.padding, dilation: geometry.dilation,
                    groups: geometry.groups, upsampling: geometry.upsampling, epilogue: epilogue)
        }
        var result = try run(.none)
        if let residual = epilogue?.residual {
            let rest = Array(residual.prefix(result.shape.count))
            result = try run(Epilogue(activation: .silu, residual: backend.upload(rest, result.shape)))
        }
        return (try backend.readFloats(result), result.shape)
    }

    @Test(arguments: FastLinearTests.sets, geometries)
    func agreesWithTheReference(instructions: InstructionSet, geometry: Geometry) throws {
        var numbers = SeededNumbers(seed: 11)
        let x = numbers.floats(geometry.x.count)
        let bytes = numbers.weightBytes(geometry.weight, geometry.dtype)
        let bias = numbers.floats(geometry.weight[0])
        let reference = ReferenceBackend()
        let expected = try compute(geometry, x: x, weight: bytes, geometry.dtype, epilogue: (bias, nil), reference)
        // As for `linear`: |error| ≤ γ(n)·Σ|xw|, with n the terms and the bias, one more for what is of second order, and one
        // rounding of the result. Σ|xw| is the convolution of what is positive.
        let flat: Shape = [geometry.weight.rows, geometry.weight.channels]
        let rows = try reference.upload((0..<Int32(flat[0])).map { $0 })
        let decoded = try reference.readFloats(
            reference.embedding(rows, table: reference.weight(bytes, flat, geometry.dtype)))
        let sizes = try compute(
            geometry, x: x.map(abs), weight: decoded.flatMap { withUnsafeBytes(of: abs($0), Array.init) }, .f32,
            epilogue: (bias.map(abs), nil), reference)
        let n = Double(geometry.weight.count / geometry.weight[0] + 2) * unitRoundOff
        for threads in [1, 3] {
            let candidate = try CPUBackend(threads: threads, instructions: instructions)
            let actual = try compute(geometry, x: x, weight: bytes, geometry.dtype, epilogue: (bias, nil), candidate)
            #expect(actual.shape == expected.shape)
            let wrong = expected.values.indices.first {
                let bound = n / (1 - n) * Double(sizes.values[$0]) + unitRoundOff * Double(abs(expected.values[$0]))
                return !(abs(Double(actual.values[$0]) - Double(expected.values[$0])) <= bound)
            }
            if let wrong { Issue.record("element \(wrong): \(actual.values[wrong]), expected \(expected.values[wrong])") }
        }
    }

    /// The same bits whatever the number of threads, through activation and residual.
    @Test(arguments: FastLinearTests.sets, geometries)
    func threadsChangeNoBit(instructions: InstructionSet, geometry: Geometry) throws {
        var numbers = SeededNumbers(seed: 12)
        let x = numbers.floats(geometry.x.count)
        let bytes = numbers.weightBytes(geometry.weight, geometry.dtype)
        let bias = numbers.floats(geometry.weight[0])
        let residual = numbers.floats(1 << 19)
        func bits(threads: Int) throws -> [UInt32] {
            try compute(
                geometry, x: x, weight: bytes, geometry.dtype, epilogue: (bias, residual),
                CPUBackend(threads: threads, instructions: instructions)
            ).values.map(\.bitPattern)
        }
        let expected = try bits(threads: 1)
        for threads in [2, 5] { #expect(try bits(threads: threads) == expected) }
    }
}
