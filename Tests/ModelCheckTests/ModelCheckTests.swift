import CPUBackend
import ModelCheck
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing
import VulkanBackend
import VulkanRuntime

/// Whole models against the reference: sound devices pass, and one fault is found where it is.
@Suite struct ModelCheckTests {
    private static let text = fixtures.appending(path: "tiny-llama/f32")

    private func loading(_ activations: DType?) -> (any Backend) throws -> CheckedModel {
        {
            let folder = try HuggingFaceFolder(path: Self.text.path)
            let model = try LanguageModels.load(folder, cache: activations, activations: activations, on: $0)
            return CheckedModel(model, tokens: [1, 5, 9, 2, 7, 7, 3])
        }
    }

    private func picture(_ backend: any Backend) throws -> CheckedModel {
        let model = try PictureModel.load(fixtures.appending(path: "diffusion/sdxl"), on: backend)
        return CheckedModel(model, caption: "a cat", seed: 3, size: nil)
    }

    /// Bounds hold, and are not so wide that they say nothing: errors use some of them, and each is far below the numbers themselves.
    private func expectSound(_ check: ModelCheck, widest: Double) {
        #expect(check.firstDeparture == nil, "\(check.firstDeparture.map { "\($0)" } ?? "")")
        #expect(check.comparisons.contains { $0.worst > 0.001 })
        #expect(check.comparisons.allSatisfy { $0.bound > 0 && $0.bound < widest }, "\(check.comparisons.map(\.bound).max() ?? 0)")
    }

    @Test(arguments: [DType.f32, .f16]) func soundProcessorsPass(activations: DType) throws {
        let check = try ModelCheck(on: CPUBackend(), sites: nil, load: loading(activations))
        #expect(check.comparisons.last?.name == "logits")
        expectSound(check, widest: activations == .f32 ? 1e-3 : 0.2)
    }

    @Test func soundDevicesPass() throws {
        for family in [KernelFamily.lanes, .tiles] {
            let backend = try VulkanBackend(device: Device(index: 0), family: family)
            expectSound(try ModelCheck(on: backend, sites: nil, load: loading(.f32)), widest: 1e-3)
        }
    }

    @Test func stepsOfPicturesPass() throws {
        let check = try ModelCheck(on: CPUBackend(), sites: nil, load: picture)
        #expect(check.comparisons.suffix(2).map(\.name) == ["the network's prediction", "the autoencoder's decoder"])
        expectSound(check, widest: 1e-2)
    }

    /// The processor, with one channel of one norm a little off.
    private final class FaultyBackend: ForwardingBackend {
        private let fault: Int
        private var norms = 0

        /// - Parameter fault: Which norm of a pass.
        init(_ inner: any Backend, fault: Int) {
            self.fault = fault
            super.init(inner)
        }

        override func rmsNorm(_ operation: RMSNormOperation) throws {
            try inner.rmsNorm(operation)
            defer { norms += 1 }
            guard norms == fault else { return }
            var values = try inner.readFloats(operation.output)
            values[operation.output.shape.channels + 2] *= 1.001
            try inner.write(values, to: operation.output)
        }
    }

    @Test func theFirstFaultIsNamed() throws {
        let sound = try ModelCheck(on: CPUBackend(), sites: [".*norm"], load: loading(.f32))
        for fault in [0, 1, sound.comparisons.count - 2] {
            let check = try ModelCheck(on: FaultyBackend(CPUBackend(), fault: fault), sites: [".*norm"], load: loading(.f32))
            let first = try #require(check.firstDeparture)
            #expect(first.name == sound.comparisons[fault].name)
            #expect((first.worstRow, first.worstChannel) == (1, 2))
        }
    }

    /// A number that is none is further off than any.
    private final class BrokenBackend: ForwardingBackend {
        override func rmsNorm(_ operation: RMSNormOperation) throws {
            try inner.rmsNorm(operation)
            var values = try inner.readFloats(operation.output)
            values[0] = .nan
            try inner.write(values, to: operation.output)
        }
    }

    @Test func numbersThatAreNoneDepart() throws {
        let check = try ModelCheck(on: BrokenBackend(CPUBackend()), sites: [".*norm"], load: loading(.f32))
        #expect(check.firstDeparture?.worst == .infinity)
    }
}
