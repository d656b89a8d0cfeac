import Foundation
import ModelFiles
import Testing

/// `monge image` and `monge fit` of captions, as a user runs them, on the small models of tools/parity/make_diffusion.py.
@Suite struct ImageCommandTests {
    private static let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/diffusion")
    let folder: Folder

    init() throws { folder = try Folder() }

    private func model(_ name: String) -> String { Self.models.appendingPathComponent(name).path }

    private func run(_ command: String, _ model: String, _ arguments: [String]) throws -> Monge.Result {
        try Monge.run([command, "--device", "cpu", "--model", model] + arguments)
    }

    private func image(_ arguments: [String], model name: String = "sd1") throws -> Monge.Result {
        try run("image", model(name), ["--steps", "2", "--width", "16"] + arguments)
    }

    private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()) ?? [] }

    /// Width and height of a PNG, and whether a text is in it.
    private func png(_ name: String) throws -> (width: Int, height: Int, contains: (String) -> Bool) {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.path(name)))
        #expect(data.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        func number(_ place: Int) -> Int { data[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
        return (number(16), number(20), { data.range(of: Data($0.utf8)) != nil })
    }

    @Test func picturesAreWrittenWithTheirSettings() throws {
        let result = try image(["--seed", "7", "--negative", "blurred", "--json", "-o", folder.path("cat.png"), "a red cat"])
        #expect(result.code == 0, "\(result.errors)")
        let picture = try png("cat.png")
        #expect(picture.width == 16 && picture.height == 16)
        for text in ["parameters", "a red cat\nNegative prompt: blurred\nSteps: 2, Sampler: DDIM, CFG scale: 7.5, Seed: 7, Size: 16x16"] {
            #expect(picture.contains(text), "\(text)")
        }
        let entries = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
        #expect(entries.count == 1 && entries[0]["seed"] as? Int == 7 && entries[0]["file"] as? String == folder.path("cat.png"))
        #expect(entries[0]["prompt"] as? String == "a red cat" && entries[0]["negative"] as? String == "blurred")

        let many = try image(["--count", "3", "-o", folder.path("many") + "/", "a cat"])
        #expect(many.code == 0 && names == ["cat.png", "many"], "\(many.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("many")).sorted() == ["0001.png", "0002.png", "0003.png"])
        #expect(try png("many/0003.png").contains("Seed: 2"))
    }

    @Test func fittedMapsDrawStrips() throws {
        let source = try folder.file("source.txt", (0..<6).map { "a cat \($0)" }.joined(separator: "\n"))
        let target = try folder.file("target.txt", (0..<6).map { "a house \($0)" }.joined(separator: "\n"))
        let map = folder.path("map.safetensors")
        let fit = try run(
            "fit", model("sd1"), ["--source", source, "--target", target, "--sites", #"unet\..*norm.*"#, "--width", "16", "--out", map])
        #expect(fit.code == 0 && fit.errors.contains("causal"), "\(fit.errors)")
        let strip = try image(["--steer", map, "--strengths", "0,0.5,1", "-o", folder.path("strip.png"), "a cat", "a house"])
        #expect(strip.code == 0, "\(strip.errors)")
        let picture = try png("strip.png")
        #expect(picture.width >= 48 && picture.height > 32, "two rows of three with labels: \(picture.width)×\(picture.height)")
        // λ = 0 is no map, and a range of steps is taken.
        for (name, arguments) in [("plain", []), ("zero", ["--steer", "\(map)@0"]), ("late", ["--steer", "\(map)@1:0.5-1"])] {
            let result = try image(arguments + ["-o", folder.path("\(name).png"), "--save-latents", folder.path(name), "a cat"])
            #expect(result.code == 0, "\(result.errors)")
        }
        func latents(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder.path(name))) }
        #expect(try latents("plain") == latents("zero"))
        #expect(try latents("plain") != latents("late"))
        let again = try image(
            [
                "--seed", "99", "--init-latents", folder.path("plain"), "-o", folder.path("again.png"), "--save-latents",
                folder.path("again"), "a cat",
            ])
        #expect(try again.code == 0 && latents("again") == latents("plain"), "noise from a file: \(again.errors)")
        let other = try image(["--steer", map, "-o", folder.path("other.png"), "a cat"], model: "pooled")
        #expect(other.code == 1 && other.errors.contains("use a map fitted on this model"), "\(other.errors)")
        #expect(!names.contains("other.png"))
    }

    @Test func picturesBeginFromPictures() throws {
        #expect(try image(["-o", folder.path("first.png"), "a cat"]).code == 0)
        let second = try image(["--init", folder.path("first.png"), "--denoise", "0.5", "-o", folder.path("second.png"), "a house"])
        #expect(second.code == 0, "\(second.errors)")
        #expect(try png("second.png").contains("Denoising strength: 0.5"))
        let wrong = try image(["--init", folder.path("first.png"), "--height", "24", "-o", folder.path("wrong.png"), "a house"])
        #expect(wrong.code == 2 && wrong.errors.contains("16×24") && !names.contains("wrong.png"), "\(wrong.errors)")
    }

    /// A sentence, an exit code, and nothing half-written.
    @Test func badInputIsRefused() throws {
        let out = ["-o", folder.path("x.png"), "a cat"]
        func expect(_ result: Monge.Result, _ code: Int32, _ part: String, _ line: Int = #line) {
            #expect(result.code == code && result.errors.contains(part), "line \(line): \(result.code) \(result.errors)")
            #expect(!names.contains("x.png"), "line \(line)")
        }
        try expect(image(["--width", "17"] + out), 2, "multiples of 2")
        try expect(image(["--scheduler", "best"] + out), 2, "euler")
        try expect(image(["--negative", "blurred", "--guidance", "1"] + out), 2, "a scale above 1")
        try expect(image(["--steps", "2000"] + out), 1, "steps")
        try expect(image(["--strengths", "0,1"] + out), 2, "--steer")
        try expect(image(["--denoise", "0.5"] + out), 2, "--init")
        try expect(image(["--steer", folder.path("map@0.5:0.5-0.4")] + out), 2, "range")
        try expect(image(["--init", try folder.file("text.png", "no picture")] + out), 1, "text.png")
        try expect(image(["-o", folder.path("no/such/x.png"), "a cat"]), 2, "no folder")
        try expect(run("image", "smollm2", out), 1, "is a language model (llama), which `monge generate`")
        try expect(run("generate", model("sd1"), ["a cat"]), 1, "monge image")
        try expect(
            run("fit", model("sd1"), ["--source", "a", "--target", "b", "--sites", "x", "--position", "last", "--out", "y"]), 1, "a")

        // Components that are missing, of another kind, or of other shapes.
        func broken(_ change: (String) throws -> Void) throws -> Monge.Result {
            let copy = folder.path("broken-\(UUID().uuidString)")
            try FileManager.default.copyItem(atPath: model("sd1"), toPath: copy)
            try change(copy)
            return try run("image", copy, out)
        }
        func replace(_ file: String, _ old: String, _ new: String) throws {
            let text = try String(contentsOfFile: file, encoding: .utf8)
            #expect(text.contains(old))
            try text.replacingOccurrences(of: old, with: new).write(toFile: file, atomically: true, encoding: .utf8)
        }
        try expect(broken { try FileManager.default.removeItem(atPath: $0 + "/vae") }, 1, "vae")
        try expect(broken { try FileManager.default.removeItem(atPath: $0 + "/unet/diffusion_pytorch_model.safetensors") }, 1, "unet")
        try expect(broken { try replace($0 + "/model_index.json", "StableDiffusionPipeline", "KandinskyPipeline") }, 1, "KandinskyPipeline")
        try expect(
            broken { try replace($0 + "/unet/config.json", "\"CrossAttnDownBlock2D\"", "\"AttnDownBlock2D\"") }, 1, "AttnDownBlock2D")
        try expect(broken { try replace($0 + "/unet/config.json", "\"in_channels\": 4", "\"in_channels\": 9") }, 1, "conv_in.weight")
        try expect(
            broken { try replace($0 + "/unet/config.json", "\"class_embed_type\": null", "\"class_embed_type\": \"timestep\"") }, 1,
            "class_embed_type")
        try expect(broken { try replace($0 + "/unet/config.json", "\"norm_eps\"", "\"unheard_of\": 3,\n \"norm_eps\"") }, 1, "unheard_of")
        try expect(broken { try replace($0 + "/vae/config.json", "\"latents_mean\": null", "\"latents_mean\": [1]") }, 1, "latents_mean")
        try expect(broken { try replace($0 + "/scheduler/scheduler_config.json", "DDIMScheduler", "HeunScheduler") }, 1, "HeunScheduler")
        try expect(broken { try replace($0 + "/text_encoder/config.json", "quick_gelu", "mish") }, 1, "mish")
    }

    @Test func inspectListsSites() throws {
        let result = try Monge.run("inspect", model("sdxl"))
        #expect(result.code == 0, "\(result.errors)")
        for part in ["stable-diffusion-xl", "unet.down_blocks.1.attentions.0.transformer_blocks.0.norm1 [8]", "text_encoder_2.text_model"] {
            #expect(result.output.contains(part), "\(part)")
        }
    }

    /// Maps are fitted, and activations captured, of the same parts as pictures are drawn with.
    @Test func partsOfModelsAreFittedTo() throws {
        let own = model("sd1") + "/unet/diffusion_pytorch_model.safetensors"
        let file = try SafetensorsFile(path: own)
        let changed = try file.tensorNames.map { name in
            let tensor = try file.tensor(name)
            let isChanged = name == "conv_in.bias"
            return SafetensorsWriter.Entry(
                name: name, shape: tensor.shape, dtype: tensor.dtype,
                bytes: isChanged ? [UInt8](repeating: 0, count: tensor.bytes.count) : Array(tensor.bytes))
        }
        try SafetensorsWriter.write(changed, to: folder.path("other.safetensors"))
        let captions = try folder.file("captions.txt", "a cat\na dog\na house")
        func activations(_ name: String, _ arguments: [String]) throws -> [UInt8] {
            let result = try run(
                "activations", model("sd1"),
                ["--sentences", captions, "--sites", "unet.conv_in", "--width", "16", "-o", folder.path(name)] + arguments)
            #expect(result.code == 0, "\(result.errors)")
            let file = try SafetensorsFile(path: folder.path(name))
            return try withExtendedLifetime(file) { Array(try file.tensor("unet.conv_in").bytes) }
        }
        let plain = try activations("plain.safetensors", [])
        #expect(try activations("own.safetensors", ["--unet", own]) == plain)
        #expect(try activations("other-unet.safetensors", ["--unet", folder.path("other.safetensors")]) != plain)

        let fit = ["--source", captions, "--target", captions, "--sites", "unet.conv_in", "-o", folder.path("map.safetensors")]
        let missing = try run("fit", model("sd1"), fit + ["--vae", folder.path("nowhere")])
        #expect(missing.code == 1 && missing.errors.contains("nowhere: cannot be opened"), "\(missing.errors)")
        let text = try run("fit", "smollm2", fit + ["--vae", own])
        #expect(text.code == 2 && text.errors.contains("--vae is of pictures"), "\(text.errors)")
        let overwritten = try run("fit", model("sd1"), Array(fit.dropLast()) + [own, "--unet", own])
        #expect(overwritten.code == 2 && overwritten.errors.contains("--unet"), "\(overwritten.errors)")
    }
}
