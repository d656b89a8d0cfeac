import Foundation
import Testing

/// Where results go: files that are replaced or written through, and standard output.
@Suite struct OutputTests {
    let folder: Folder

    init() throws { folder = try Folder() }

    private let logits = ["logits", "-m", "smollm2", "--device", "cpu", "--token-ids", "1,2"]

    private func text(_ name: String) throws -> String { try String(contentsOfFile: folder.path(name), encoding: .utf8) }

    private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()) ?? [] }

    private func status(_ name: String) -> stat {
        var status = stat()
        lstat(folder.path(name), &status)
        return status
    }

    /// The first tensor's name is in the header, after its length in eight bytes.
    private func isResult(_ name: String) throws -> Bool {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.path(name)))
        return data.count > 49_152 * 4 * 2 && data[8] == UInt8(ascii: "{") && data.range(of: Data("\"logits\"".utf8)) != nil
    }

    @Test func modeAndLinkAreKept() throws {
        _ = try folder.file("private", "old")
        chmod(folder.path("private"), 0o600)
        symlink("private", folder.path("link"))
        let result = try Monge.run(logits + ["-o", folder.path("link")])
        #expect(result.code == 0, "\(result.errors)")
        #expect(try isResult("private"))
        #expect(status("private").st_mode == S_IFREG | 0o600 && status("link").st_mode & S_IFMT == S_IFLNK)
        #expect(names == ["link", "private"])
    }

    /// Nodes of this test's own folder; only root makes them.
    @Test func nodesAreWrittenThrough() throws {
        if mknod(folder.path("null"), S_IFCHR | 0o600, 1 << 8 | 3) == 0 {
            let result = try Monge.run(logits + ["-o", folder.path("null")])
            #expect(result.code == 0, "\(result.errors)")
            #expect(status("null").st_mode == S_IFCHR | 0o600)
            mknod(folder.path("full"), S_IFCHR | 0o600, 1 << 8 | 7)
            let full = try Monge.run(logits + ["-o", folder.path("full")])
            #expect(full.code == 1 && full.errors.contains("No space left"), "\(full.errors)")
            #expect(status("full").st_mode == S_IFCHR | 0o600)
        }
        mkfifo(folder.path("pipe"), 0o600)
        let piped = try Monge.shell("cat \(folder.path("pipe")) > \(folder.path("read")) & \(command(["-o", folder.path("pipe")])); wait")
        #expect(piped.errors.contains("wrote"), "\(piped.errors)")
        #expect(try isResult("read") && status("pipe").st_mode == S_IFIFO | 0o600)
        let printed = try Monge.shell("\(command(["-o", "/dev/stdout"])) > \(folder.path("printed"))")
        #expect(printed.code == 0, "\(printed.errors)")
        #expect(try isResult("printed"))
        let third = try Monge.shell("\(command(["-o", "/dev/fd/3"])) 3> \(folder.path("third"))")
        #expect(third.code == 0, "\(third.errors)")
        #expect(try isResult("third"))
    }

    private func command(_ more: [String]) -> String { (["monge"] + logits + more).joined(separator: " ") }

    /// Each is refused with exit code 2 before any work, and changes nothing.
    @Test func whatIsReadIsNotWritten() throws {
        let model = folder.path("model")
        try FileManager.default.copyItem(at: CLIFixtures.url("tiny-llama/f32"), to: URL(fileURLWithPath: model))
        let sentences = try folder.file("sentences.txt", "one sentence\nanother sentence\n")
        let other = try folder.file("other.txt", "one sentence\nanother sentence\n")
        symlink("sentences.txt", folder.path("link"))
        link(sentences, folder.path("hard"))
        symlink("model", folder.path("model-link"))
        symlink("later", folder.path("dangling"))
        let fit = ["fit", "-m", "smollm2", "--sites", "model.norm", "--source", sentences, "--target", other, "-o"]
        let bench = ["bench", "kernels", "--device", "cpu", "--op", "add", "--seconds", "0.01"]
        for (arguments, mention) in [
            (["logits", "-m", model, "--token-ids", "1", "-o", model + "/model.safetensors"], "--model"),
            (["logits", "-m", folder.path("model-link"), "--token-ids", "1", "-o", model + "/config.json"], "--model"),
            (["logits", "-m", model, "--token-ids", "1", "--steer", other + "@0.5", "-o", other], "--steer"),
            (["activations", "-m", model, "--sites", "model.norm", "--sentences", sentences, "-o", sentences], "--sentences"),
            (fit + [sentences], "--source"), (fit + [other], "--target"), (fit + [folder.path("link")], "--source"),
            (fit + [folder.path("hard")], "--source"), (fit + [folder.path("./model/../sentences.txt")], "--source"),
            (["fit", "--source-activations", other, "--target-activations", sentences, "-o", sentences], "--target-activations"),
            (fit + [model], "is a folder"), (fit + [folder.url.path + "/new/"], "folder"), (fit + [folder.path("nowhere/map")], "nowhere"),
            (fit + [sentences + "/map"], "no folder"), (fit + ["/dev/fd/77"], "77"),
            (bench + ["--out", folder.path("same"), "--html", folder.path("./same")], "is written"),
            (bench + ["--out", folder.path("later"), "--html", folder.path("dangling")], "is written"),
            (["bench", "show", sentences, "--html", sentences], "is read"),
        ] {
            let result = try Monge.run(arguments)
            #expect(result.code == 2, "\(arguments): \(result.errors)")
            #expect(result.errors.contains(mention) && result.output.isEmpty, "\(arguments): \(result.errors)")
        }
        for name in ["sentences.txt", "other.txt"] { #expect(try text(name) == "one sentence\nanother sentence\n") }
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: model + "/model.safetensors"))
                == Data(contentsOf: CLIFixtures.url("tiny-llama/f32/model.safetensors")))
        #expect(names == ["dangling", "hard", "link", "model", "model-link", "other.txt", "sentences.txt"])
        let printed = try Monge.shell("\(command(["-o", folder.path("printed")])) > \(folder.path("printed"))")
        #expect(printed.code == 2 && printed.errors.contains("printed"), "\(printed.errors)")
    }

    /// A limit on the size of files stands for a full disk.
    @Test func aFailureLeavesTheOldContents() throws {
        _ = try folder.file("old", "old contents")
        let result = try Monge.shell("ulimit -f 16; \(command(["-o", folder.path("old")]))")
        #expect(result.code == 1 && result.errors.contains("File too large"), "\(result.errors)")
        #expect(try text("old") == "old contents" && names == ["old"])
    }

    /// A signal in the middle of writing takes the temporary file along, and ends the program as it would without.
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func anInterruptedCommandLeavesNothing(_ signal: Int32) throws {
        _ = try folder.file("old", "old contents")
        let process = Process()
        let program = try #require(Monge.executable, "monge is not built beside the tests")
        process.executableURL = program
        // Long enough to be met in the middle: 120 MB.
        let tokens = Array(repeating: "1", count: 600).joined(separator: ",")
        process.arguments = ["logits", "-m", "smollm2", "--device", "cpu", "--token-ids", tokens, "-o", folder.path("old")]
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // A child inherits which signals are blocked, and the threads of tests block them all.
        var signals = sigset_t(), blocked = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, signal)
        pthread_sigmask(SIG_UNBLOCK, &signals, &blocked)
        try process.run()
        pthread_sigmask(SIG_SETMASK, &blocked, nil)
        // The check before the work makes and removes an empty one; what is written grows.
        func isWriting() -> Bool {
            names.contains { $0.hasSuffix(".partial") && status($0).st_size > 0 }
        }
        while process.isRunning, !isWriting() { usleep(200) }
        #expect(isWriting() || process.isRunning)
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == signal)
        #expect(try text("old") == "old contents" && names == ["old"])
    }

    /// Results that cannot be printed are an error with a sentence; a reader that has seen enough is none worth a word.
    @Test func standardOutputThatFails() throws {
        for command in [
            "devices", "--help", "--version", "tokenize -m smollm2 hello", "devices --json", "generate -m smollm2 -d cpu -n 2 hello",
        ] {
            let full = try Monge.shell("monge \(command) > /dev/full")
            #expect(full.code == 1 && full.errors.contains("standard output: cannot be written"), "\(command): \(full.code) \(full.errors)")
            #expect(full.errors.contains("No space left"))
            let closed = try Monge.shell("monge \(command) >&-")
            #expect(closed.code == 1 && closed.errors.contains("standard output"), "\(command): \(closed.code) \(closed.errors)")
        }
        // The reader is gone before anything is printed.
        let piped = try Monge.shell("{ sleep 0.2; monge devices; echo code $? >&2; } | true")
        #expect(piped.errors == "code 1\n", "\(piped.errors)")
        // Where messages cannot be written, the exit code still tells.
        #expect(try Monge.shell("monge nonsense 2> /dev/full").code == 2)
        #expect(try Monge.shell("monge nonsense 2>&-").code == 2)
    }
}

@Suite struct QuietLibraryTests {
    /// What a module for others to embed prints, its host cannot take back: only the command prints.
    @Test func onlyTheCommandPrints() throws {
        let sources = CLIFixtures.url("../../Sources").standardizedFileURL
        let names = try #require(FileManager.default.enumerator(atPath: sources.path)).compactMap { $0 as? String }
        var count = 0
        for name in names where [".swift", ".c", ".h"].contains(where: name.hasSuffix) && !name.hasPrefix("MongeCLI/") {
            count += 1
            let text = try String(contentsOf: sources.appendingPathComponent(name), encoding: .utf8)
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                guard !line.drop(while: \.isWhitespace).hasPrefix("//") else { continue }
                let prints = line.replacing("/dev/std", with: "").contains(
                    /\b(print|debugPrint|dump|NSLog|puts|fputs|perror|v?f?printf)\(|\bFileHandle\.standard(Output|Error)|\bstd(out|err)\b/)
                #expect(!prints, "\(name):\(number + 1): \(line)")
            }
        }
        #expect(count > 300)
    }
}

/// Files beside the tests.
enum CLIFixtures {
    static func url(_ path: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures/\(path)")
    }
}
