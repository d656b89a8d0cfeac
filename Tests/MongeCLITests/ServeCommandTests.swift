import Foundation
import Testing

/// `monge serve` as a program: what it says, what it refuses, and how it ends.
@Suite struct ServeCommandTests {
    /// A server in a process of its own.
    private final class Server {
        let process = Process()
        private let errors = Pipe()
        private(set) var port = 0
        private var said = ""

        /// Starts it, and waits for the line that says where it is.
        init(_ arguments: [String]) throws {
            let program: URL = try #require(Monge.executable, "monge is not built beside the tests")
            process.executableURL = program
            process.arguments = ["serve", "--device", "cpu", "--port", "0"] + arguments
            process.standardError = errors
            try process.run()
            while true {
                let data = errors.fileHandleForReading.availableData
                said += String(decoding: data, as: UTF8.self)
                if let match = said.firstMatch(of: /ready at http:\/\/127\.0\.0\.1:(\d+)\n/) {
                    port = Int(match.1)!
                    return
                }
                try #require(!data.isEmpty, "it ended: \(said)")
            }
        }

        deinit { if process.isRunning { process.terminate() } }

        /// Reads what else it says until it ends.
        func finish() -> (code: Int32, errors: String) {
            said += String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, said)
        }
    }

    private func curl(_ arguments: String) throws -> String { try Monge.bash("curl -s \(arguments)").output }

    @Test func itServesUntilItIsToldToStop() throws {
        let folder = try Folder()
        let server = try Server(["-m", "small=smollm2", "--maps", folder.path("maps"), "--cache", "f16", "--memory", "4GiB"])
        let body = #"{"prompt": "Once upon a time", "max_tokens": 5, "temperature": 0}"#
        let answer = try curl(
            "localhost:\(server.port)/v1/completions -H 'Content-Type: application/json' -H 'x-request-id: mine-1' -d '\(body)'")
        let expected = try Monge.run(
            "generate", "-m", "smollm2", "-d", "cpu", "--cache", "f16", "-n", "5", "--temperature", "0", "-p", "Once upon a time", "--json")
        struct Continuation: Decodable { var text: String }
        let text = try JSONDecoder().decode([Continuation].self, from: Data(expected.output.utf8))[0].text
        #expect(answer.contains("\"text\":\"\(text)\"") && answer.contains("\"model\":\"small\""), "\(answer)")
        #expect(try curl("localhost:\(server.port)/health").contains("\"status\":\"ok\""))

        // What was begun is answered to its end, and the program ends well.
        let long = Process()
        long.executableURL = URL(fileURLWithPath: "/bin/bash")
        long.arguments = [
            "-c",
            "curl -sN localhost:\(server.port)/v1/completions -H 'Content-Type: application/json' -d '{\"prompt\": \"a\", \"max_tokens\": 200, \"ignore_eos\": true, \"stream\": true}'",
        ]
        let output = Pipe()
        long.standardOutput = output
        try long.run()
        var streamed = output.fileHandleForReading.availableData
        #expect(!streamed.isEmpty)
        server.process.terminate()
        streamed += output.fileHandleForReading.readDataToEndOfFile()
        long.waitUntilExit()
        #expect(String(decoding: streamed, as: UTF8.self).hasSuffix("data: [DONE]\n\n"))
        let (code, said) = server.finish()
        #expect(code == 0, "\(said)")
        // A line of JSON for each request, by its id, and nothing of what was asked.
        #expect(
            said.contains(#""request":"mine-1""#) && said.contains(#""path":"/v1/completions""#) && !said.contains("Once upon"), "\(said)")
    }

    @Test func whatCannotBeServedIsSaid() throws {
        let folder = try Folder()
        let empty = try folder.file("keys.txt", "\n# nothing\n")
        let short = try folder.file("short.txt", "abc\n")
        let certificate = try folder.file("certificate.pem", "no certificate\n")
        let map = try folder.file("map.safetensors", "no map\n")
        let common = ["serve", "-d", "cpu", "--port", "0", "--maps", folder.path("maps")]
        for (arguments, code, mention) in [
            (["-m", "nothing"], 2, "nothing"), (["-m", "smollm2", "-m", "smollm2"], 2, "two models are called 'smollm2'"),
            (["-m", "smollm2", "--api-key-file", empty], 2, "has none"), (["-m", "smollm2", "--api-key-file", short], 2, "guessed"),
            (["-m", "smollm2", "--api-key-file", folder.path("none")], 2, "cannot be read"),
            (["-m", "smollm2", "--tls-certificate", certificate], 2, "go together"),
            (["-m", "smollm2", "--tls-certificate", certificate, "--tls-key", certificate], 2, "cannot be used for TLS"),
            (["-m", "smollm2", "--map", "calm"], 2, "NAME=FILE"), (["-m", "smollm2", "--map", "calm=\(map)"], 1, "map.safetensors"),
            (["-m", "smollm2", "--map", "../x=\(map)"], 2, "no name for a map"), (["-m", "smollm2", "--memory", "100MB"], 2, "--memory"),
            (["-m", "smollm2", "--cache-tokens", "100000000", "--memory", "2GB"], 2, "a cache of 100000000 tokens"),
            (["-m", "smollm2", "--host", "192.0.2.1"], 1, "cannot be listened at"),
        ] as [([String], Int32, String)] {
            let result = try Monge.run(common + arguments)
            #expect(result.code == code && result.errors.contains(mention), "\(arguments): \(result.code) \(result.errors)")
        }
    }
}
