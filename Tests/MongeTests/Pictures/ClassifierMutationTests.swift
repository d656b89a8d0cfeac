import CPUBackend
import Foundation
import Monge
import Pictures
import Testing

/// Settings of image classifiers that are changed at random: a picture is judged, or the folder is refused with an error; nothing traps.
@Suite struct ClassifierMutationTests {
    private static let files = ["config.json", "preprocessor_config.json"]

    private static var values: [Any] {
        [
            -1, 0, 1, 2, 3, 7, 8, 23, 4097, 1 << 31, Int.max, Int.min, 1e308, -1e308, 1e-308, 0.5, 1e10, "", "x", true, false, NSNull(),
            [Any](),
            [1, -1], [6, 8, 10], [1, 1, 1], [0.5, 0.5, 0.5], [0, 0, 0], [1e308, 1, 1], [[1], 2], [String: Any](), ["0": "a", "1": "b"],
            ["height": 3, "width": 9],
            ["shortest_edge": 20], ["height": 1 << 40, "width": 2], "basic", "bottleneck", "silu", "resnet",
            ["ResNetForImageClassification"],
        ]
    }

    private static let added = ["num_labels", "crop_pct", "do_center_crop", "hidden_act", "problem_type", "feature_extractor_type"]

    private func judges(_ path: String) -> Bool {
        do {
            let judge = try ClassifierJudge(path, on: CPUBackend())
            let rows = try judge.probabilities(of: [Picture(width: 20, height: 9, pixels: (0..<540).map { UInt8($0 % 251) })])
            #expect(rows.count == 1 && abs(rows[0].reduce(0, +) - 1) < 1e-4)
            return true
        } catch {
            #expect(!"\(error)".isEmpty)
            return false
        }
    }

    @Test(.timeLimit(.minutes(60)), arguments: ["basic", "bottleneck"])
    func foldersAreJudgedWithOrRefused(name: String) throws {
        let count = 1000
        let judged = try MutatedFolder(
            path: TestModel.fixtures.appending(path: "classifiers/\(name)").path, files: Self.files, values: Self.values, added: Self.added,
            seed: 5, count: count
        ).usable(judges)
        // Both outcomes are met often enough to mean something.
        #expect((count / 20..<count * 19 / 20).contains(judged), "\(judged) of \(count) were judged with")
    }
}
