import CPUBackend
import CrossCheck
import Testing
import VulkanBackend

/// Each operation against the plain reference, over random cases with derived tolerances. The device runs checked shaders under the
/// validation layer; an index out of bounds or a message fails the test.
@Suite struct CrossCheckTests {
    @Test(arguments: CrossCheck.operations.map(\.name))
    func operationAgreesWithReference(name: String) throws {
        try check(name, try TestBackend.make())
    }

    /// The other layout of kernels, where there is one: devices of all kinds run both.
    @Test(arguments: [
        "activation", "add", "argmax", "attention", "aurocColumns", "broadcast", "cast", "concat", "conv2d", "convTranspose2d",
        "clusterTransport", "fitColumns", "gatedProduct", "groupNorm", "layerNorm", "linear", "multiplyAdd", "pad", "permute", "reduce",
        "rmsNorm",
        "rotation", "sample", "slice", "softmax", "sortColumns", "topK", "transport", "upsample",
    ])
    func otherFamilyAgreesWithReference(name: String) throws {
        let usual = try TestBackend.make().family
        for family in try TestBackend.families() where family != usual {
            try check(name, try TestBackend.make(family: family))
        }
    }

    private func check(_ name: String, _ backend: VulkanBackend) throws {
        let operation = try #require(CrossCheck.operations.first { $0.name == name })
        let report = try CrossCheck.run(operation: operation, seed: 1, candidate: backend, reference: ReferenceBackend())
        #expect(report.cases > 0)
        for failure in report.failures { Issue.record("\(backend.family): \(failure)") }
        #expect(backend.device.validationMessages == [])
    }
}
