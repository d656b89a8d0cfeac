import Foundation
import ModelFiles
import Models
import Monge
import Pictures
import Testing

/// Image classifiers against transformers, and the preparation of pictures against Pillow (tools/parity/make_classifiers.py).
///
/// Bounds: probabilities of f32 sums of a few hundred products, 1e-4 as for every component; prepared pictures pass through eight bits and are
/// the same.
@Suite struct ClassifierJudgeTests {
    private static let folder = TestModel.fixtures.appending(path: "classifiers").path
    private let reference: SafetensorsFile
    private let pictures: [Picture]

    init() throws {
        reference = try SafetensorsFile(path: Self.folder + "/reference.safetensors")
        pictures = try (0..<4).map { try Picture(path: "\(Self.folder)/pictures/\($0).png") }
    }

    @Test(arguments: [(Picture.Resampling.bilinear, "bilinear"), (.bicubic, "bicubic")])
    func picturesAreResampledAsByPillow(resampling: Picture.Resampling, name: String) throws {
        for (width, height) in [(24, 24), (40, 12), (13, 29), (80, 64)] {
            let resampled = pictures[0].resampled(width: width, height: height, resampling)
            let expected = try reference.tensor("resized.\(name).\(width)x\(height)").floats().map { UInt8($0) }
            #expect(resampled.width == width && resampled.height == height && resampled.pixels == expected, "\(width)×\(height)")
        }
    }

    @Test(arguments: ["basic", "bottleneck"], [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func classifiersAgree(name: String, device: DeviceChoice) throws {
        let judge = try ClassifierJudge("\(Self.folder)/\(name)", on: device.open())
        let logits = try reference.tensor("\(name).logits").floats()
        let labels = logits.count / pictures.count
        for (together, found) in [
            ("a batch", try judge.probabilities(of: pictures)), ("one by one", try pictures.flatMap { try judge.probabilities(of: [$0]) }),
        ] {
            for (k, row) in found.enumerated() {
                let own = logits[k * labels..<(k + 1) * labels].map(Double.init)
                let largest = own.max()!
                let total = own.reduce(0) { $0 + exp($1 - largest) }
                let expected = own.map { exp($0 - largest) / total }
                // The largest probability is at least one in five.
                #expect(
                    zip(row, expected).allSatisfy { abs(Double($0) - $1) <= 1e-4 * expected.max()! },
                    "\(together), picture \(k): \(row) \(expected)")
            }
        }
    }

    @Test func verdictsAreNamedByTheFolder() throws {
        let judge = try ClassifierJudge("\(Self.folder)/basic", on: DeviceChoice.cpu.open())
        let verdicts = try judge.verdicts(of: ["2.png", "0.png"], in: Self.folder + "/pictures", progress: nil)
        let best = try judge.probabilities(of: [pictures[2]])[0]
        let labels = ["cat", "house", "line drawing", "nothing", "tree"]
        let label = labels[try #require(best.indices.max { best[$0] < best[$1] })]
        #expect(verdicts.count == 2)
        #expect(try PictureQuestion("basic=\(label)").answer(verdicts[0], of: "2.png"))
        #expect(try PictureQuestion("basics.\(label)>=0.2").answer(verdicts[0], of: "2.png"))
        #expect(throws: MongeError.self) { try PictureQuestion("basics.dog>0").answer(verdicts[0], of: "2.png") }
    }

    /// Every setting is obeyed or refused by name.
    @Test func otherSettingsAreRefused() throws {
        let changes: [(file: String, old: String, new: String, mention: String)] = [
            ("config.json", #""relu""#, #""mish""#, "hidden_act"), ("config.json", #""resnet""#, #""vit""#, "model_type"),
            ("config.json", #""layer_type": "basic""#, #""layer_type": "wide""#, "layer_type"),
            ("config.json", #""num_channels": 3"#, #""num_channels": 1"#, "num_channels"),
            ("config.json", #""embedding_size""#, #""dilation": 2, "embedding_size""#, "dilation"),
            ("config.json", #""0": "cat""#, #""7": "cat""#, "id2label"),
            ("config.json", "\"embedding_size\": 6", "\"embedding_size\": 7", "embedder"),
            ("config.json", #""ResNetForImageClassification""#, #""ResNetBackbone""#, "architectures"),
            ("preprocessor_config.json", #""resample": 2"#, #""resample": 0"#, "resample"),
            ("preprocessor_config.json", "ViTImageProcessor", "BitImageProcessor", "BitImageProcessor"),
            ("preprocessor_config.json", #""do_normalize""#, #""do_pad": true, "do_normalize""#, "do_pad"),
            ("preprocessor_config.json", #""height": 24"#, #""height": 0"#, "size.height"),
            ("preprocessor_config.json", "0.25", "0", "image_std"),
        ]
        for change in changes {
            let copy = FileManager.default.temporaryDirectory.appending(path: "classifier-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: copy) }
            try FileManager.default.copyItem(atPath: "\(Self.folder)/basic", toPath: copy)
            let file = "\(copy)/\(change.file)"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            #expect(text.contains(change.old), "\(change)")
            try text.replacingOccurrences(of: change.old, with: change.new).write(toFile: file, atomically: true, encoding: .utf8)
            let error = #expect(throws: (any Error).self, "\(change)") { try ClassifierJudge(copy, on: DeviceChoice.cpu.open()) }
            #expect(error.map { "\($0)".contains(change.mention) } == true, "\(change): \(error.map { "\($0)" } ?? "")")
        }
    }
}
