import Foundation
import Models
import Monge
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// A device whose memory ends while pictures are drawn.
@Suite struct PictureDeviceMemoryTests {
    /// A sentence, no picture, and a device that draws what does fit as if nothing had been.
    @Test func outOfMemoryMidwayIsAnError() throws {
        var options = DeviceOptions()
        options.memoryLimit = 64 << 20
        let backend = try VulkanBackend(device: Device(index: 0, options: options))
        let model = try PictureModel.load(
            TestModel.fixtures.appending(path: "emoji/model"), on: backend, options: DiffusionModelOptions(activations: .f32))
        func draw(_ side: Int) throws -> [Float] {
            let options = PictureOptions(steps: 1, guidance: 1, size: PictureSize(width: side, height: side))
            return try model.draw([PictureRequest("a red apple", seed: 2)], options: options)[0].latents
        }
        let small = try draw(64)
        let error = #expect(throws: TensorError.self) { try draw(1024) }
        guard case .outOfMemory? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect("\(error!)".contains("memory") && "\(error!)".contains(backend.name), "\(error!)")
        #expect(try draw(64) == small)
    }
}
