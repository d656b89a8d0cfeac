import CPUBackend
import CrossCheck
import Tensors
import Testing

/// A backend that has to agree with the reference.
struct CandidateBackend: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let open: @Sendable () throws -> any Backend

    /// The fast CPU path in every instruction set that this processor has.
    static let processors = InstructionSet.allCases.filter(\.isAvailable).map { instructions in
        CandidateBackend(testDescription: "CPU, \(instructions)") { CPUBackend(instructions: instructions) }
    }
}

/// Every backend against the reference, in every case of the registry.
@Suite struct BackendAgreementTests {
    @Test(arguments: CandidateBackend.processors, CrossCheck.operations.map(\.name))
    func theProcessorAgreesWithTheReference(_ candidate: CandidateBackend, _ name: String) throws {
        try expectAgreement(of: candidate.open(), on: name, seed: 20_250_602)
    }
}

/// Runs the cases of an operation and records each failure.
func expectAgreement(of candidate: any Backend, on name: String, cases: Int? = nil, seed: UInt64) throws {
    let operation = try #require(CrossCheck.operations.first { $0.name == name })
    let report = try CrossCheck.run(
        operation: operation, cases: cases, seed: seed, candidate: candidate, reference: ReferenceBackend())
    #expect(report.cases > 0)
    for failure in report.failures { Issue.record("\(candidate.name): \(failure)") }
}
