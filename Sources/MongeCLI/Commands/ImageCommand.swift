import ArgumentParser
import FileSystem
import Foundation
import ModelFiles
import Models
import Monge
import Pictures

/// `monge image`: draws pictures, steered or not, at one or several strengths.
struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Draws pictures from texts, steered by maps at one or several strengths.",
        discussion: """
            Strengths are drawn side by side, as one labelled picture, or one file each where --out is a folder. Noise depends on the seed \
            alone: the strengths of a strip show one picture changing.
            """)

    @OptionGroup var model: PictureModelOptions
    @OptionGroup var steering: PictureSteerOptions

    @Option(
        name: .long, parsing: .unconditional,
        help: "Strengths to compare side by side, for example -0.5,0,1; each replaces the λ of every --steer.", transform: Number.strengths)
    var strengths: Strengths?

    @Option(name: .long, parsing: .unconditional, help: "What should not be in the picture.")
    var negative: String?

    @OptionGroup var drawing: DrawingOptions

    @Option(
        name: .long, parsing: .unconditional, help: "Seed of the noise; picture i of --count has seed + i.", transform: Number.seed)
    var seed: UInt64 = 0

    @Option(name: .long, parsing: .unconditional, help: "Pictures of each prompt.", transform: Number.integer(in: 1...10_000))
    var count = 1

    @Option(name: .customLong("init"), help: "A PNG or JPEG picture to begin from, of the size that is drawn.")
    var initial: String?

    @Option(
        name: .long, parsing: .unconditional,
        help: "With --init: the part of the schedule that is drawn, above 0 and up to 1 (default: 0.8).",
        transform: Number.probability)
    var denoise: Float?

    @Option(name: .shortAndLong, help: "The PNG file to write, or a folder for one file a picture (its name ends in / or it is there).")
    var out: String

    @Option(name: .long, help: "Write noise and latents to this safetensors file.")
    var saveLatents: String?

    @Option(name: .long, help: "Begin from the noise in this safetensors file, one entry a picture of a strength, or one for all.")
    var initLatents: String?

    @Flag(name: .long, help: "Print JSON: an array of {prompt, negative, seed, strength, width, height, file}.")
    var json = false

    @OptionGroup var prompts: PromptOptions

    func validate() throws {
        if denoise != nil && initial == nil {
            throw ValidationError("--denoise is the part that is drawn of a picture: give --init PICTURE")
        }
        if strengths != nil && steering.steer.isEmpty { throw ValidationError("--strengths needs a --steer FILE to apply them to") }
    }

    /// A picture as `--json` prints it.
    private struct Result: Encodable {
        var prompt: String
        var negative: String?
        var seed: UInt64
        /// Absent when the model is not steered, or each map has a λ of its own.
        var strength: Float?
        var width: Int
        var height: Int
        var file: String
    }

    mutating func run() throws {
        let folder = try OutputFolder(out)
        try NamedFile.check(
            outputs: [folder == nil ? NamedFile("--out", out) : nil, NamedFile("--save-latents", saveLatents)],
            inputs: model.inputs + steering.inputs + [
                NamedFile("--init-latents", initLatents), NamedFile("--init", initial), NamedFile("--prompts", prompts.prompts),
            ])
        let texts = try prompts.read()
        let steers = try steering.steering()
        let strengths: [Float?] = strengths.map { $0.values.map { $0 } } ?? [steers.count == 1 ? steers[0].steer.strength : nil]
        let noise = try initLatents.map { try LatentsFile(contentsOf: URL(fileURLWithPath: $0)).noise }
        let cases = texts.flatMap { text in (0..<count).flatMap { number in strengths.map { (text: text, number: number, strength: $0) } } }
        let picture = try initial.map { try Picture(path: $0) }
        let starts = texts.count * count
        if let noise, noise.count != 1, noise.count != starts {
            throw MongeError.usage("--init-latents \(initLatents!) holds noise for \(noise.count) pictures, \(starts) are to be drawn")
        }
        let model = try model.load()
        let requests = cases.enumerated().map { index, item in
            PictureRequest(
                item.text, negative: negative, seed: seed &+ UInt64(item.number),
                steering: steers.map { $0.at(item.strength ?? $0.steer.strength) },
                name: cases.count > 1 ? "picture \(index + 1)" : "the picture",
                noise: noise.map { $0.count == 1 ? $0[0] : $0[index / strengths.count] }, initial: picture)
        }
        var options = drawing.options
        if let denoise { options.denoise = denoise }
        if let picture, options.size == nil { options.size = PictureSize(width: picture.width, height: picture.height) }
        let pictures = try ProgressBar.during { bar in
            try model.draw(requests, options: options, progress: bar.update, warn: Terminal.warning, notice: bar.notice)
        }
        if let saveLatents {
            try LatentsFile.write(
                pictures, reduction: model.diffusion.autoencoder.reduction, to: URL(fileURLWithPath: saveLatents))
        }
        let files = try write(pictures, requests, strengths, by: model, options, folder)
        if json {
            try Output.json(
                zip(zip(requests, cases), zip(pictures, files)).map {
                    Result(
                        prompt: $0.0.prompt, negative: negative, seed: $0.0.seed, strength: $0.1.strength, width: $1.0.picture.width,
                        height: $1.0.picture.height, file: $1.1)
                })
        } else {
            for file in Set(files).sorted() { Terminal.message("wrote \(file)") }
        }
    }

    /// - Returns: The file of each picture.
    private func write(
        _ pictures: [DrawnPicture], _ requests: [PictureRequest], _ strengths: [Float?], by model: PictureModel, _ options: PictureOptions,
        _ folder: OutputFolder?
    ) throws -> [String] {
        if let folder {
            try OutputFolder.make(folder.path)
            return try zip(pictures, requests).enumerated().map { index, item in
                let file = folder.file(index, of: pictures.count)
                try item.0.picture.write(
                    to: OutputFile(file), texts: [(keyword: PictureSettings.keyword, text: model.settings(of: item.1, options).text)])
                return file
            }
        }
        let texts = try [(keyword: PictureSettings.keyword, text: model.settings(of: requests[0], options).text)]
        try sheet(pictures.map(\.picture), strengths).write(to: OutputFile(out), texts: texts)
        return [String](repeating: out, count: pictures.count)
    }

    /// Strengths side by side, each under its label, a row for each picture of them; or pictures alone in a square.
    private func sheet(_ pictures: [Picture], _ strengths: [Float?]) -> Picture {
        if pictures.count == 1 { return pictures[0] }
        let columns = strengths.count > 1 ? strengths.count : Int(Float(pictures.count).squareRoot().rounded(.up))
        let labels =
            strengths.count > 1 ? strengths.map { "λ = \(String(format: "%g", $0 ?? 1))" } : pictures.indices.map { "\($0 + 1)" }
        return .stacked(
            stride(from: 0, to: pictures.count, by: columns).map { start in
                let range = start..<min(start + columns, pictures.count)
                return PictureStrip.make(
                    Array(pictures[range]), labels: range.map { strengths.count > 1 ? labels[$0 % columns] : labels[$0] })
            })
    }
}
