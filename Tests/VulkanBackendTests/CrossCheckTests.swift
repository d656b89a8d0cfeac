import CPUBackend
import CrossCheck
import Testing
import VulkanBackend

/// Each operation against the plain reference, over random cases with derived tolerances, in both layouts of the kernels. The device
/// runs checked shaders under the validation layer; an index out of bounds or a message fails the test.
@Suite(.serialized) struct CrossCheckTests {
    @Test(arguments: KernelFamily.allCases, CrossCheck.operations.map(\.name))
    func operationAgreesWithReference(family: KernelFamily, name: String) throws {
        let operation = try #require(CrossCheck.operations.first { $0.name == name })
        let backend = try makeBackend(family: family)
        let report = try CrossCheck.run(operation: operation, seed: 1, candidate: backend, reference: ReferenceBackend())
        #expect(report.cases > 0)
        for failure in report.failures { Issue.record("\(failure)") }
        #expect(backend.device.validationMessages == [])
    }
}
