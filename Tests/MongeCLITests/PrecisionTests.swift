import CrossCheck
import Foundation
import MongeCLI
import Tensors
import Testing

/// `--precision exact|fast`.
@Suite struct PrecisionTests {
    @Test func fastProductsAreCheckedAgainstBothReferences() throws {
        let result = try Monge.run("check", "--device", "cpu", "--op", "linear", "--cases", "22", "--precision", "fast")
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("CPU reference, activations rounded") && result.output.contains("44 cases, 0 failed"))
        let exact = try Monge.run("check", "--device", "cpu", "--op", "linear", "--cases", "22")
        #expect(exact.output.contains("22 cases, 0 failed") && !exact.output.contains("rounded  "))
    }

    @Test func anotherWordIsRefused() throws {
        let result = try Monge.run("generate", "--model", "smollm2", "--precision", "quick", "Hello")
        #expect(result.code == 2 && result.errors.contains("quick") && result.errors.contains("exact"))
    }

    /// Bounds of whole models are wider by what rounded activations may do, and are kept.
    @Test func wholeModelsAreChecked() throws {
        let result = try Monge.run("check", "model", "--model", "smollm2", "--device", "cpu", "--precision", "fast", "The fox")
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("fast products): all within their bounds"), "\(result.output)")
    }

    /// Scores are exact unless fast ones are asked for.
    @Test func logitsAreExactByDefault() throws {
        let folder = try Folder()
        func logits(_ name: String, _ options: String...) throws -> Data {
            let file = folder.url.appendingPathComponent(name)
            let result = try Monge.run(
                ["logits", "--model", "smollm2", "--device", "cpu", "--prompt", "The weather", "--out", file.path] + options)
            #expect(result.code == 0, "\(result.errors)")
            return try Data(contentsOf: file)
        }
        let usual = try logits("usual")
        #expect(try logits("exact", "--precision", "exact") == usual)
        #expect(try logits("fast", "--precision", "fast") != usual)
    }

    /// GPUs are a matter of their own: activations are rounded for them only where that is asked for.
    @Test func vulkanDevicesAreExactUnlessAsked() throws {
        let usual = try ProductPrecisionOption.parse([])
        #expect(usual.precision(unlessAsked: .fast) == .fast && usual.onVulkan == .exact)
        let fast = try ProductPrecisionOption.parse(["--precision", "fast"])
        #expect(fast.precision(unlessAsked: .exact) == .fast && fast.onVulkan == .fast)
        let exact = try ProductPrecisionOption.parse(["--precision", "exact"])
        #expect(exact.precision(unlessAsked: .fast) == .exact && exact.onVulkan == .exact)
    }

    /// What does not depend on the batch has no tensor cores, which may be asked for elsewhere.
    @Test func batchInvarianceReachesTheDevice() throws {
        func check(_ environment: [String: String]) throws -> Monge.Result {
            try Monge.run(
                "check", "--device", "vulkan:0", "--family", "tiles", "--op", "linear", "--cases", "4", "--batch-invariant",
                environment: environment)
        }
        let result = try check([:])
        #expect(result.code == 0 && result.output.contains("4 cases, 0 failed"), "\(result.errors)")
        let refused = try check(["MONGE_MATRIX": "emulated"])
        #expect(
            refused.code != 0 && refused.errors.contains("MONGE_MATRIX asks for emulated: leave one of the two out"), "\(refused.errors)")
        let generated = try Monge.run(
            "generate", "--model", "smollm2", "--device", "vulkan:0", "--batch-invariant", "Hello", environment: ["MONGE_MATRIX": "khr"])
        #expect(generated.code != 0 && generated.errors.contains("MONGE_MATRIX asks for khr"), "\(generated.errors)")
    }

    /// The command that repeats a failing case asks for the same precision.
    @Test func aRepetitionNamesThePrecision() {
        let repetition = CheckRepetition(device: "cpu", family: nil, precision: .fast, isChecked: false, environment: [:])
        let failure = CheckFailure(operation: "linear", seed: 7, caseIndex: 12, shapes: "", detail: "")
        #expect(
            repetition.command(repeating: failure)
                == "monge check --op linear --device cpu --from 12 --cases 1 --seed 7 --precision fast")
    }
}
