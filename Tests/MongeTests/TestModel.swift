import Foundation
import ModelFiles
import Monge
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// What the tests of this folder share: the real model, and the fixtures beside the tests.
enum TestModel {
    /// The folder of fixtures, made by the scripts in tools/parity.
    static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    /// SmolLM2 on a device. `tools/test` fetches the file; without it these tests fail and say so.
    static func load(_ device: DeviceChoice) throws -> Model { try Model.load("smollm2", device: device) }

    /// SmolLM2 on the first Vulkan device, under the validation layer.
    static func loadValidated() throws -> (model: Model, device: Device) {
        var options = DeviceOptions()
        options.validation = true
        let device = try Device(index: 0, options: options)
        return (try Model.load(ModelCatalogue.locate("smollm2"), on: VulkanBackend(device: device)), device)
    }

    static func file(_ name: String) throws -> SafetensorsFile { try SafetensorsFile(path: fixtures.appendingPathComponent(name).path) }
}

extension SafetensorsFile {
    func floats(_ name: String) throws -> [Float] { try elements(name, .f32) }

    func integers(_ name: String) throws -> [Int32] { try elements(name, .i32) }

    private func elements<T: BitwiseCopyable>(_ name: String, _ dtype: DType) throws -> [T] {
        let tensor = try self.tensor(name)
        try #require(tensor.dtype == dtype)
        return (0..<tensor.shape.count).map { tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: T.self) }
    }
}
