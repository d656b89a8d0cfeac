import Foundation
import Glibc
import Testing

import MongeCLI

/// `monge chat`, through a pipe and on a terminal, and the options that make prompts conversations.
struct ChatCommandTests {
    @Test func linesAreReadAsRequests() throws {
        #expect(try ChatRequest("hello /steer") == .message("hello /steer"))
        #expect(try ChatRequest("//path") == .message("/path"))
        #expect(try ChatRequest("/steer -0.5") == .steer(-0.5))
        #expect(try ChatRequest("/strengths 0,0.5, 1") == .strengths([0, 0.5, 1]))
        #expect(try ChatRequest("/system  Be brief. ") == .system("Be brief."))
        #expect(try ChatRequest("/system") == .system(""))
        #expect(try ChatRequest("/reset") == .reset)
        #expect(try ChatRequest("/help") == .help)
        #expect(try ChatRequest("/quit") == .quit)
        for line in ["/steer", "/steer x", "/steer 1 2", "/steer nan", "/strengths", "/strengths 1,a", "/reset now", "/nothing", "/"] {
            #expect(throws: (any Error).self, "\(line)") { try ChatRequest(line) }
        }
    }

    static let greedy = ["--model", "smollm2", "--device", "cpu", "--temperature", "0", "--tokens", "12"]

    @Test func pipesHoldConversations() throws {
        let options = ChatCommandTests.greedy.joined(separator: " ")
        let both = try Monge.shell("printf 'My name is Ada.\\n\\nWhat is my name?\\n' | monge chat \(options)")
        #expect(both.code == 0, "\(both.errors)")
        let replies = both.output.split(separator: "\n", omittingEmptySubsequences: true)
        #expect(replies.count >= 2)
        // The first reply is that of a prompt in the model's layout.
        let one = try Monge.run(["generate", "--chat", "--json"] + ChatCommandTests.greedy + ["My name is Ada."])
        #expect(one.code == 0, "\(one.errors)")
        #expect(one.output.contains(replies[0].replacingOccurrences(of: "\"", with: "\\\"")), "\(both.output) \(one.output)")
        // After a reset the second question has no first.
        let reset = try Monge.shell("printf 'My name is Ada.\\n/reset\\nMy name is Ada.\\n' | monge chat \(options)")
        let again = reset.output.split(separator: "\n")
        #expect(again.count >= 2 && again.prefix(again.count / 2) == again.suffix(again.count / 2))
    }

    @Test func errorsEndAPipe() throws {
        let options = ChatCommandTests.greedy.joined(separator: " ")
        let steer = try Monge.shell("printf '/steer 1\\n' | monge chat \(options)")
        #expect(steer.code == 2)
        #expect(steer.errors == "monge: there is no map to steer with; begin with --steer FILE\n")
        let quit = try Monge.shell("printf '/quit\\n/nothing\\n' | monge chat \(options)")
        #expect(quit.code == 0 && quit.output.isEmpty)
    }

    @Test func conversationsAreTokenized() throws {
        let prompt =
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
            + "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        struct Tokens: Decodable {
            let ids: [Int32]
            let prompt: String?
        }
        func tokens(_ arguments: String...) throws -> Tokens {
            let result = try Monge.run(["tokenize", "--model", "smollm2", "--json"] + arguments)
            #expect(result.code == 0, "\(result.errors)")
            return try JSONDecoder().decode(Tokens.self, from: Data(result.output.utf8))
        }
        let chat = try tokens("--chat", "Hi")
        #expect(chat.prompt == prompt)
        #expect(chat.ids.filter { $0 == 1 }.count == 3)
        #expect(try tokens("--special", prompt).ids == chat.ids)
        #expect(try tokens(prompt).ids != chat.ids)
        #expect(try tokens("--chat", "--no-special", "Hi").ids == tokens("--no-special", prompt).ids)
        #expect(
            try tokens("--system", "Be brief.", "Hi").prompt?.hasPrefix("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user") == true
        )
        let folder = try Folder()
        let file = try folder.file("c.json", #"[{"role":"user","content":"Hi"}]"#)
        #expect(try tokens("--messages", file).ids == chat.ids)
        let wrong = try Monge.run("tokenize", "--model", "smollm2", "--messages", folder.file("w.json", #"[{"content":"Hi"}]"#))
        #expect(wrong.code == 1)
        #expect(wrong.errors.contains("message 1 has no text under 'role'"))
        // The same conversation, generated from.
        let generated = try Monge.run(["generate", "--messages", file] + ChatCommandTests.greedy)
        #expect(generated.output == (try Monge.run(["generate", "--chat"] + ChatCommandTests.greedy + ["Hi"])).output)
        #expect(generated.code == 0 && !generated.output.isEmpty)
    }

    /// On a terminal: a prompt, a reply that Ctrl-C ends while the program goes on, an error that does not end it, Ctrl-D that does.
    @Test(.timeLimit(.minutes(60))) func terminalsAreTalkedTo() throws {
        let session = try TerminalSession(
            ["chat", "--model", "smollm2", "--device", "cpu", "--temperature", "0", "--tokens", "2000", "--repetition-penalty", "1.3"])
        try session.waitForPrompt()
        try session.type("/steer 1\n")
        try session.wait(for: "there is no map to steer with")
        try session.waitForPrompt()
        try session.type("Tell me a very long story about a whale.\n")
        // The line is echoed; what comes after it is the reply.
        try session.wait(for: "whale.")
        try session.wait(forMore: 40)
        session.interrupt()
        try session.waitForPrompt()
        try session.type("/help\n")
        try session.wait(for: "/strengths")
        try session.waitForPrompt()
        try session.type("\u{4}")
        #expect(try session.end() == 0)
    }
}

/// A program on a terminal of its own, as `script` gives it one.
final class TerminalSession {
    private let process = Process()
    private let terminal: Int32
    private var unread: [UInt8] = []

    init(_ arguments: [String]) throws {
        var (main, other): (Int32, Int32) = (0, 0)
        try #require(openpty(&main, &other, nil, nil, nil) == 0)
        terminal = main
        let handle = FileHandle(fileDescriptor: other, closeOnDealloc: true)
        process.executableURL = Monge.executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "dumb"]) { $1 }
        process.standardInput = handle
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
    }

    deinit {
        if process.isRunning { process.terminate() }
        close(terminal)
    }

    func type(_ text: String) throws {
        let bytes = Array(text.utf8)
        try #require(write(terminal, bytes, bytes.count) == bytes.count)
    }

    func interrupt() { process.interrupt() }

    /// Reads until a text appears, and forgets all up to its end.
    func wait(for text: String) throws {
        while true {
            let shown = String(decoding: unread, as: UTF8.self)
            if let range = shown.range(of: text) {
                unread = Array(shown[range.upperBound...].utf8)
                return
            }
            try read("'\(text)' did not appear; there was: \(shown)")
        }
    }

    /// Reads until so many bytes have come.
    func wait(forMore count: Int) throws {
        while unread.count < count { try read("fewer than \(count) bytes came") }
    }

    private func read(_ failure: String) throws {
        var poll = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
        var bytes = [UInt8](repeating: 0, count: 4096)
        guard Glibc.poll(&poll, 1, 60_000) > 0 else { throw Silence(description: failure) }
        let count = Glibc.read(terminal, &bytes, bytes.count)
        guard count > 0 else { throw Silence(description: failure) }
        unread += bytes[..<count]
    }

    /// Reads until the program asks for a line. Its editor shows the prompt before it takes the terminal over, and what is typed in between
    /// is echoed twice, or lost if it is Ctrl-D.
    func waitForPrompt() throws {
        try wait(for: "> ")
        try wait(until: "the terminal is not taken over") {
            var mode = termios()
            return tcgetattr(terminal, &mode) == 0 && mode.c_lflag & tcflag_t(ICANON) == 0
        }
    }

    /// Waits until the program has ended.
    /// - Returns: The exit code.
    func end() throws -> Int32 {
        try wait(until: "the program does not end") { !process.isRunning }
        return process.terminationStatus
    }

    private func wait(until failure: String, _ holds: () -> Bool) throws {
        for _ in 0..<60_000 {
            if holds() { return }
            usleep(1000)
        }
        throw Silence(description: failure)
    }

    struct Silence: Error, CustomStringConvertible {
        let description: String
    }
}
