import Foundation
import Testing
import VulkanRuntime

/// A device for tests, under the validation layer. Which one can be chosen with `MONGE_TEST_DEVICE`, the index of a device.
struct TestDevice {
    let device: Device

    static let library = ShaderLibrary(CompiledShaders.all)

    init(_ change: (inout DeviceOptions) -> Void = { _ in }) throws {
        var options = DeviceOptions()
        options.validation = true
        options.pipelineCacheFolder = nil
        change(&options)
        device = try Device(index: Self.index(), options: options)
    }

    static func index() throws -> Int {
        let reports = try VulkanSystem.reports()
        let index = ProcessInfo.processInfo.environment["MONGE_TEST_DEVICE"].flatMap(Int.init)
        return try VulkanSystem.choose(.index(index ?? reports.first { $0.refusals.isEmpty }?.index ?? 0), from: reports)
    }

    func buffer(_ elements: [Float]) throws -> Buffer {
        let buffer = try device.makeBuffer(byteCount: elements.count * 4)
        try elements.withUnsafeBytes { try device.stream.upload($0, to: buffer) }
        return buffer
    }

    func read(_ buffer: Buffer) throws -> [Float] {
        var elements = [Float](repeating: .nan, count: buffer.byteCount / 4)
        try elements.withUnsafeMutableBytes { try device.stream.read(buffer, into: $0) }
        return elements
    }

    /// output[i] = factor · input[i] for i < count.
    func scale(
        _ input: Buffer, to output: Buffer, by factor: Float, count: Int? = nil, checked: Bool = false, label: String = "scale"
    ) throws {
        struct Arguments {
            let input, output: UInt64
            let count: UInt32
            let factor: Float
        }
        let count = count ?? input.byteCount / 4
        let arguments = Arguments(input: input.address, output: output.address, count: UInt32(count), factor: factor)
        let pipeline = try device.pipeline(
            Self.library.code(checked ? "kernels/scale+checked" : "kernels/scale"), specialization: [64, 1, 1])
        try withUnsafeBytes(of: arguments) {
            try device.stream.dispatch(
                pipeline, arguments: $0, uses: [BufferUse(input, .read), BufferUse(output, .write)],
                groups: ((count + 63) / 64, 1, 1), label: label)
        }
    }
}
