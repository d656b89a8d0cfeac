import CPUBackend
import CrossCheck
import Testing

/// The registry's cases for the kernels of every instruction set that this processor has, not only the widest.
@Suite struct FastCrossCheckTests {
    @Test(arguments: InstructionSet.allCases.filter(\.isAvailable), CrossCheck.operations.map(\.name))
    func kernelsAgreeWithTheReference(instructions: InstructionSet, operationName: String) throws {
        let operation = try #require(CrossCheck.operations.first { $0.name == operationName })
        let candidate = try CPUBackend(threads: 3, instructions: instructions)
        let report = try CrossCheck.run(operation: operation, seed: 7, candidate: candidate, reference: ReferenceBackend())
        #expect(report.failures.isEmpty, "\(report.failures.prefix(3))")
        #expect(report.cases > 0)
    }

    /// Products of rounded activations against a reference that rounds alike, and against one that does not.
    @Test(arguments: InstructionSet.allCases.filter(\.isAvailable), ["linear", "conv2d"])
    func roundedProductsAgreeWithBothReferences(instructions: InstructionSet, operationName: String) throws {
        let operation = try #require(CrossCheck.operations.first { $0.name == operationName })
        let candidate = try CPUBackend(threads: 3, instructions: instructions, precision: .fast)
        #expect(operation.referencePrecisions(for: candidate) == [.fast, .exact])
        for precision in operation.referencePrecisions(for: candidate) {
            let report = try CrossCheck.run(
                operation: operation, seed: 8, candidate: candidate, reference: ReferenceBackend(precision: precision))
            #expect(report.failures.isEmpty, "\(precision): \(report.failures.prefix(3))")
            #expect(report.cases > 0)
        }
    }
}
