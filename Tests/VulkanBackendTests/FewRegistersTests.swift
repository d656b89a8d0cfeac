import CPUBackend
import CrossCheck
import Foundation
import Tensors
import Testing
import VulkanBackend

/// Kernels as they are laid out for devices with few registers.
@Suite struct FewRegistersTests {
    /// On tensor cores (emulated) heads of 65 to 96 channels in two parts, and blocks of sixteen keys. Before their first use kernels are held
    /// against plain ones, and the verdict says what they are.
    @Test func headsAreInTwoParts() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        var options = MatrixOptions(.only(.emulated), inputs: .half)
        options.checksKernels = true
        options.report = { Issue.record("a right kernel failed: \($0)") }
        let backend = try TestBackend.make(family: .tiles, matrix: options, cacheFolder: folder)
        backend.registers = 118
        // Rows and keys that fill no tile.
        for (queries, keys, channels) in [(20, 40, 80), (20, 40, 40)] {
            func result(_ backend: any Backend) throws -> [Float] {
                var inputs = MatrixCheckInputs()
                func tensor(_ shape: Shape) throws -> Tensor { try backend.upload(inputs.activations(shape.count), shape) }
                return try backend.readFloats(
                    backend.attention(
                        tensor([1, queries, 2, channels]), keys: tensor([1, keys, 1, channels]), values: tensor([1, keys, 1, channels]),
                        causal: false))
            }
            let (few, expected) = (try result(backend), try result(ReferenceBackend()))
            // As in attentionHasSixteenColumns, but queries, keys, values and weights are f16.
            let bound = Float(2 * (8 * Double(keys + channels).squareRoot() + 20) * 0x1p-11)
            #expect(zip(few, expected).allSatisfy { abs($0 - $1) <= bound })
        }
        let verdicts = MatrixVerdicts(try TestBackend.report(), in: folder).kernels.keys.sorted()
        #expect(verdicts.count == 2 && verdicts.contains { $0.contains("by 16 keys of 2 × 48 channels") })
        #expect(verdicts.contains { $0.contains("by 16 keys of 48 channels") }, "\(verdicts)")
        #expect(backend.device.validationMessages == [])
    }

    /// Sixteen columns of lanes in tiles of attention: a subgroup of as many, which the software device has in a process of its own.
    @Test func attentionHasSixteenColumns() async {
        await #expect(processExitsWith: .success) {
            setenv("LP_NATIVE_VECTOR_WIDTH", "512", 1)
            let backend = try TestBackend.make(family: .tiles)
            try #require(backend.device.report.limits.subgroupSize >= 16)
            // Heads of two spans and more, with parts and without, whose keys fill no tile.
            for (queries, keys, channels) in [(70, 130, 64), (33, 65, 80), (64, 200, 160), (20, 90, 320)] {
                func result(_ backend: any Backend) throws -> [Float] {
                    var inputs = MatrixCheckInputs()
                    func tensor(_ shape: Shape) throws -> Tensor { try backend.upload(inputs.activations(shape.count), shape) }
                    return try backend.readFloats(
                        backend.attention(
                            tensor([1, queries, 2, channels]), keys: tensor([1, keys, 1, channels]),
                            values: tensor([1, keys, 1, channels]), causal: false))
                }
                let usual = try result(backend)
                let registers = backend.registers
                backend.registers = 118
                let narrow = try result(backend)
                backend.registers = registers
                let expected = try result(ReferenceBackend())
                // Weights are added up in another order.
                try #require(narrow != usual)
                // |v| ≤ 2: sums of as many terms and their weights (``CheckedOperation`` `attention`).
                let bound = Float(2 * (8 * Double(keys + channels).squareRoot() + 20) * 0x1p-24 * 8)
                try #require(zip(narrow, expected).allSatisfy { abs($0 - $1) <= bound })
            }
            backend.registers = 118
            let operation = try #require(CrossCheck.operations.first { $0.name == "attention" })
            let report = try CrossCheck.run(
                operation: operation, cases: 40, seed: 31, candidate: backend, reference: ReferenceBackend())
            for failure in report.failures { print(failure) }
            try #require(report.failures.isEmpty && backend.device.validationMessages == [])
        }
    }
}
