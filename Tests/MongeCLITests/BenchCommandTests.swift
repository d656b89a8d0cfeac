import Foundation
import Testing

@Suite struct BenchCommandTests {
    private let asked = ["bench", "kernels", "--device", "cpu", "--op", "add", "rmsNorm", "--sizes", "135m", "--seconds", "0.02"]

    @Test func resultsAreWrittenShownAndCompared() throws {
        let folder = try Folder()
        let (json, html) = (folder.path("a.json"), folder.path("a.html"))
        let result = try Monge.run(asked + ["--out", json, "--html", html])
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("ceilings:") && result.output.contains("rmsNorm") && !result.output.contains("8B"))
        #expect(try String(contentsOfFile: html, encoding: .utf8).contains("Roofline"))

        let again = folder.path("again.html")
        let shown = try Monge.run("bench", "show", json, "--html", again)
        #expect(shown.code == 0 && shown.output == result.output, "\(shown.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: again)) == Data(contentsOf: URL(fileURLWithPath: html)))

        // A result does not differ from itself.
        let written = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: json))) as? [String: Any]
        let count = try #require((written?["kernels"] as? [Any])?.count)
        #expect(count >= 6)
        let compared = try Monge.run("bench", "compare", json, json)
        #expect(compared.code == 0 && compared.output.contains("0 slower, 0 faster, \(count) same"), "\(compared.output)")
        let asJSON = try Monge.run("bench", "compare", json, json, "--json")
        let comparison = try JSONSerialization.jsonObject(with: Data(asJSON.output.utf8)) as? [String: Any]
        #expect((comparison?["entries"] as? [Any])?.count == count)
    }

    @Test func wrongCallsAreRefused() throws {
        let folder = try Folder()
        for (arguments, mention) in [
            (["--op", "linear2"], "linear2"), (["--sizes", "9B"], "SD 1.5"), (["--seconds", "0"], "--seconds"),
            (["--op", "add", "--matching", "no such shape"], "no benchmark"), (["--op", "add", "--out", "/nowhere/a.json"], "nowhere"),
        ] {
            let result = try Monge.run(["bench", "kernels", "--device", "cpu"] + arguments)
            #expect(result.code == 2 && result.errors.contains(mention), "\(arguments): \(result.errors)")
        }
        let other = try folder.file("other.json", "{}")
        #expect(try Monge.run("bench", "compare", other, other).code == 1)
        #expect(try Monge.run("bench", "show", folder.path("missing.json")).code == 1)
    }

    @Test func batchesAreMeasuredInTurns() throws {
        let arguments = ["bench", "batch", "-m", "smollm2", "-d", "cpu", "--rows", "6", "--decode-tokens", "3"]
        let result = try Monge.run(arguments + ["--pairs", "1", "6", "--different-maps", "4", "--json"])
        let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        let entries = try #require(report?["entries"] as? [[String: Any]], "\(result.errors)")
        #expect(entries.map { $0["pairs"] as? Int } == [0, 1, 6] && entries.map { $0["maps"] as? Int } == [0, 1, 4])
        #expect(entries.allSatisfy { ($0["tokensPerSecond"] as? Double ?? 0) > 0 } && entries[0]["toll"] as? Double == 0)
        #expect(report?["rows"] as? Int == 6 && report?["sites"] as? Int == 61)
        let refused = try Monge.run(arguments + ["--pairs", "7"])
        #expect(refused.code == 2 && refused.errors.contains("7 pairs are more than the 6 texts"), "\(refused.errors)")
    }

    /// llvmpipe's driver tells nothing of its kernels in some versions.
    @Test func pipelinesAreOfVulkanDrivers() throws {
        let refused = try Monge.run("bench", "pipelines", "--device", "cpu", "--op", "rmsNorm")
        #expect(refused.code == 2 && refused.errors.contains("--device vulkan"), "\(refused.errors)")
        let result = try Monge.run("bench", "pipelines", "--device", "vulkan:0", "--op", "rmsNorm", "--sizes", "135M")
        if result.code == 0 {
            #expect(result.output.contains("norm/rows") && result.output.contains("pipelines of"), "\(result.output)")
        } else {
            #expect(result.code == 1 && result.errors.contains("VK_KHR_pipeline_executable_properties"), "\(result.errors)")
        }
    }
}
