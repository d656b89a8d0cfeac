import ArgumentParser
import Foundation
import Foundations
import Monge
import Server

/// `monge serve`: steered inference over HTTP, and a page to play with.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract:
            "Serves models over HTTP: an interface that OpenAI's clients use, maps and strengths in each request, and a page to play with.",
        discussion: """
            The page is at http://HOST:PORT/, the description of the interface at /openapi.json. SIGTERM lets what is being answered end. Messages are lines \
            of JSON on standard error.
            """)

    @Option(
        name: [.customShort("m"), .customLong("model")], parsing: .singleValue,
        help: ArgumentHelp(
            "A model, by its file, folder or name from the cache (smollm2, minilm): of language, of pictures, or an encoder of texts. Several may be given; "
                + "requests name them by NAME, or by the file's name.", valueName: "[name=]model"))
    var models: [String]

    @OptionGroup var device: DeviceOption
    @OptionGroup var precision: PrecisionOptions

    @Option(
        name: .customLong("map"), parsing: .singleValue,
        help: ArgumentHelp("A map that requests can name; it stays as it is.", valueName: "name=file"))
    var fixedMaps: [String] = []

    @Option(
        name: .customLong("maps"),
        help: ArgumentHelp(
            "A folder of maps that can be added to and taken from (default: maps in the cache folder). NAME.json beside a map is its evaluation.",
            valueName: "folder")
    )
    var folder: String?

    @Option(name: .long, help: "The address to listen at.")
    var host = "127.0.0.1"

    @Option(
        name: .long, parsing: .unconditional, help: "The port to listen at; 0 for any that is free (default: 8080).",
        transform: Number.integer(in: 0...65535))
    var port = 8080

    @Option(
        name: .long, parsing: .unconditional, help: "The most texts that a model continues at once (default: 16).",
        transform: Number.integer(in: 1...4096))
    var slots = 16

    @Option(
        name: .long, parsing: .unconditional, help: "The most tokens of a text, its prompt included (default: the model's context).",
        transform: Number.integer(from: 1))
    var textTokens: Int?

    @Option(
        name: .long, parsing: .unconditional,
        help: "The tokens that the cache of a model holds, of all texts together (default: 2048 for each slot, as far as --memory goes).",
        transform: Number.integer(from: 1))
    var cacheTokens: Int?

    @Option(name: .long, help: "A budget on the memory of all models and their caches together, for example 8GiB.")
    var memory: ByteCount?

    @Option(
        name: .long, parsing: .unconditional,
        help: "The most texts that wait for a model before others are told to come back later (default: 1024).",
        transform: Number.integer(from: 1))
    var waiting = 1024

    @Option(name: .long, help: "A file of keys, one a line: only who sends one of them is answered.")
    var apiKeyFile: String?

    @Option(name: .customLong("tls-certificate"), help: "A certificate in PEM, with those above it: the server speaks HTTPS.")
    var certificate: String?

    @Option(name: .customLong("tls-key"), help: "The certificate's key in PEM.")
    var key: String?

    @Option(
        name: .customLong("cors-origin"), parsing: .singleValue,
        help: ArgumentHelp("An origin whose pages may ask from a browser, such as https://example.org; * for all.", valueName: "origin"))
    var origins: [String] = []

    @Option(name: .long, help: "The most bytes of a request's body in JSON, for example 64MB (default: 16MiB).")
    var bodyLimit: ByteCount?

    @Option(
        name: .long, parsing: .unconditional, help: "Seconds that what is being answered has to end after SIGTERM (default: 30).",
        transform: Number.integer(in: 0...86_400))
    var drain = 30

    @Flag(name: .long, help: "Write prompts to the log.")
    var logPrompts = false

    @Flag(name: .long, help: "Write warnings and errors alone, no line for each request.")
    var quiet = false

    func validate() throws {
        if (certificate == nil) != (key == nil) {
            throw ValidationError("--tls-certificate and --tls-key go together: a certificate is of no use without its key")
        }
    }

    func run() throws {
        var settings = ServerSettings()
        (settings.host, settings.port, settings.origins) = (host, port, origins)
        (settings.drainSeconds, settings.logsPrompts) = (drain, logPrompts)
        if let bodyLimit { settings.bodyBytes = bodyLimit.bytes }
        if let certificate, let key { settings.tls = (certificate, key) }
        settings.keys = try apiKeyFile.map(Self.keys) ?? []
        if settings.keys.isEmpty, !["127.0.0.1", "::1", "localhost"].contains(host) {
            Terminal.warning("everybody who reaches \(host) can use this server; --api-key-file FILE asks for a key")
        }
        let served = try models.map { text in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            // A path may have an = in it.
            if parts.count == 2, !FileManager.default.fileExists(atPath: text) { return try ServedModel(parts[1], name: parts[0]) }
            return try ServedModel(text)
        }
        let maps = try fixedMaps.map { text in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else { throw MongeError.usage("--map '\(text)' is not NAME=FILE") }
            return (name: parts[0], file: parts[1])
        }
        let folder = folder.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? CacheFolder.url.appendingPathComponent("maps")
        var options = ServedModelOptions { [device, precision] in try device.open(precision.products, unlessAsked: .fast) }
        (options.cache, options.activations) = (precision.cacheType, precision.activationType)
        (options.slots, options.length, options.cacheTokens) = (slots, textTokens, cacheTokens)
        (options.memory, options.waiting) = (memory?.bytes, waiting)
        let server = try MongeServer(
            models: served, maps: maps, folder: folder, settings: settings, options: options, log: quiet ? .warning : .info)
        let scheme = certificate == nil ? "http" : "https"
        let shown = host.contains(":") ? "[\(host)]" : host
        try Self.wait {
            try await server.run { port in Terminal.message("monge: ready at \(scheme)://\(shown):\(port)") }
        }
    }

    private static func keys(_ file: String) throws -> [String] {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw MongeError.usage("the file of keys \(file) cannot be read")
        }
        let keys = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !keys.isEmpty else { throw MongeError.usage("the file of keys \(file) has none; give one a line") }
        if let short = keys.first(where: { $0.utf8.count < 8 }) {
            throw MongeError.usage(
                "the file of keys \(file) has one of \(short.utf8.count) characters, which is soon guessed; give at least 8")
        }
        return keys
    }

    /// Runs something asynchronous to its end.
    private static func wait(_ work: @escaping @Sendable () async throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let box = ResultBox()
        Task.detached {
            do { try await work() } catch { box.error = error }
            done.signal()
        }
        done.wait()
        if let error = box.error { throw error }
    }

    /// Written before the semaphore is signalled, and read after.
    private final class ResultBox: @unchecked Sendable {
        var error: (any Error)?
    }
}
