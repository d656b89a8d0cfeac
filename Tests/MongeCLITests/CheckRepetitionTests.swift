import CrossCheck
import Foundation
import MongeCLI
import Testing
import VulkanBackend
import VulkanRuntime

/// The command that a failing case of `monge check` prints.
@Suite struct CheckRepetitionTests {
    private static let failure = CheckFailure(operation: "linear", seed: 7, caseIndex: 12, shapes: "", detail: "")

    /// What decides the kernels and their tolerance is named, and only where it was set.
    @Test func theEnvironmentIsNamed() {
        let environment = [MatrixChoice.variable: "emulated", "MONGE_DEVICE": "cpu", "HOME": "/here"]
        let all = CheckRepetition(
            device: "vulkan:0", family: .tiles, precision: .fast, isBatchInvariant: true, isChecked: true, environment: environment)
        #expect(
            all.command(repeating: Self.failure)
                == "MONGE_MATRIX=emulated monge check --op linear --device vulkan:0 --from 12 --cases 1 --seed 7"
                + " --family tiles --precision fast --batch-invariant --checked")
        let none = CheckRepetition(device: "cpu", family: nil, isChecked: false, environment: [MatrixChoice.variable: "", "HOME": "/here"])
        #expect(none.command(repeating: Self.failure) == "monge check --op linear --device cpu --from 12 --cases 1 --seed 7")
    }

    /// A shell runs the command as it stands: the environment reaches the program, and a name stays one word.
    @Test func aShellRunsIt() throws {
        func shell(_ device: String, _ environment: [String: String]) throws -> Monge.Result {
            let repetition = CheckRepetition(device: device, family: nil, isChecked: false, environment: environment)
            return try Monge.shell(repetition.command(repeating: Self.failure))
        }
        let passed = try shell("cpu", [:])
        #expect(passed.code == 0 && passed.output.contains("\n1 cases, 0 failed"))
        guard let device = try? VulkanSystem.reports().first(where: \.refusals.isEmpty) else { return }
        #expect(try shell("vulkan:no 'such' device", [:]).errors.contains("a device named no 'such' device was asked for"))
        let refused = try shell("vulkan:\(device.index)", [MatrixChoice.variable: "a third"])
        #expect(refused.errors.contains("MONGE_MATRIX: 'a third' is none of"))
    }
}
