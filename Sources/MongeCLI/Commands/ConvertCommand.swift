import ArgumentParser
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Transport

/// `monge convert`: maps from and to the files of other programs, and maps made of maps.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Reads and writes maps of other programs, and makes maps of maps: parts, strengths by site, inverses, one after another.",
        discussion: """
            IN: a map; a state dict of apple/ml-act, ml-lineas or ml-aura, or a folder of them; a control vector of llama.cpp or repeng (.gguf).
            OUT: by its name. x.safetensors is a map, x.gguf a control vector, and x/ a folder of ml-act's state dicts.
            What is asked for happens in the order of the options below.
            """)

    @Argument(help: "The file or folder to read.")
    var input: String

    @Argument(help: "The file to write, or a folder, which ends in /.")
    var output: String

    @Option(
        name: .shortAndLong,
        help: "The model that another program's map was made for: its sites and weights go into the map. Maps need none.")
    var model: String?

    @Option(name: .long, help: ArgumentHelp("Of ml-act's state dicts: mean or gaussian, which do not differ there.", valueName: "method"))
    var method: Estimator?

    @Option(
        name: .long,
        help: ArgumentHelp("Of ml-act's state dicts: which of their supports is meant (default: that of the fit).", valueName: "support"))
    var support: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Of other programs' maps: how they were estimated, which they do not say (default: causal).", valueName: "estimation"))
    var estimation: Estimation?

    @Option(
        name: .long, parsing: .upToNextOption, help: ArgumentHelp("Keep the sites that match one of these in full.", valueName: "regex"))
    var sites: [String] = []

    @Option(
        name: .long, parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Make this strength the new 1, everywhere or at the sites that match: 0.5, or '.*o_proj=0.5'. May be repeated.",
            valueName: "[regex=]λ"))
    var strength: [String] = []

    @Flag(name: .long, help: "Turn the map round: from target to source.")
    var inverse = false

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("A map that acts after this one, at strength 1. May be repeated.", valueName: "file"))
    var then: [String] = []

    func validate() throws {
        if let support, Support(name: support) == nil {
            throw ValidationError("--support '\(support)' is none of \(Support.names.joined(separator: ", "))")
        }
        _ = try strengths()
    }

    mutating func run() throws {
        let isFolder = output.hasSuffix("/")
        let isControlVector = output.lowercased().hasSuffix(".gguf")
        try NamedFile.check(
            outputs: isFolder ? [] : [NamedFile("OUT", output)],
            inputs: NamedFile.model(model) + [NamedFile("IN", input)] + then.map { NamedFile("--then", $0) })
        var map = try read()
        if !sites.isEmpty { map = try map.selecting(sites: sites) }
        for (pattern, strength) in try strengths() { map = try map.scaled(by: strength, at: pattern) }
        if inverse { map = map.inverse }
        for file in then { map = try map.followed(by: SteerOptions.map(file)) }
        if isFolder {
            try map.writeStateDicts(to: URL(fileURLWithPath: output, isDirectory: true))
        } else if isControlVector {
            try ControlVector(map).write(to: output)
        } else {
            try map.write(to: URL(fileURLWithPath: output))
        }
        Terminal.message("wrote \(output): \(map.description.method), \(map.sites.count) sites, support \(map.description.support)")
    }

    private func read() throws -> TransportMap {
        let url = URL(fileURLWithPath: input)
        guard ForeignMap.isForeign(url) else {
            let given = [
                ("--model", model != nil), ("--method", method != nil), ("--support", support != nil), ("--estimation", estimation != nil),
            ]
            if let option = given.first(where: \.1)?.0 {
                throw MongeError.usage("\(option) is of other programs' maps, and \(input) is none of those that are known")
            }
            return try SteerOptions.map(input)
        }
        let foreign = try ForeignMap(contentsOf: url)
        guard let model else {
            throw MongeError.usage("--model is missing: \(input) does not say which sites and weights it was made for")
        }
        let options = ForeignMap.Options(
            method: method, support: support.flatMap { Support(name: $0) }, estimation: estimation ?? .causal)
        if PictureModel.isPictureModel(try ModelCatalogue.locate(model)) {
            return try foreign.map(for: PictureModel.load(model, device: .cpu).diffusion, options: options)
        }
        return try foreign.map(for: Model.load(model, device: .cpu).language, options: options)
    }

    /// Site patterns, nil for all, and strengths.
    private func strengths() throws -> [(pattern: String?, strength: Float)] {
        try strength.map { text in
            let equals = text.lastIndex(of: "=")
            let number = equals.map { text[text.index(after: $0)...] } ?? text[...]
            guard let value = Float(number), value.isFinite else {
                throw ValidationError("--strength '\(text)': '\(number)' is not a finite number")
            }
            return (equals.map { String(text[..<$0]) }, value)
        }
    }
}
