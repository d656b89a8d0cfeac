import Foundation
import Testing

/// `monge evaluate image`, with judges that are shell scripts.
@Suite struct EvaluateImageTests {
    private static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/diffusion/sd1").path
    let folder: Folder
    private let map: String
    private let prompts: String

    init() throws {
        folder = try Folder()
        map = folder.path("map.safetensors")
        prompts = try folder.file("prompts.txt", "a <cat>\na house\n")
        let source = try folder.file("source.txt", (0..<6).map { "a cat \($0)" }.joined(separator: "\n"))
        let target = try folder.file("target.txt", (0..<6).map { "a house \($0)" }.joined(separator: "\n"))
        let fit = try Monge.run(
            "fit", "--model", Self.model, "--device", "cpu", "--source", source, "--target", target, "--sites", #"unet\.mid_block.*norm.*"#,
            "--width", "16", "--out", map)
        #expect(fit.code == 0, "\(fit.errors)")
    }

    /// A judge that says of each picture which row it is of; in the last row it takes everything for a house.
    private func judge(_ name: String = "judge", _ body: String? = nil) throws -> String {
        let script = try folder.file(
            name,
            "#!/bin/sh\n"
                + (body ?? #"""
                    cd "$1" || exit 3
                    for file in *.png; do
                      row=${file#*-}; row=${row%.png}
                      if [ $row = 3 ]; then names='"house"'; else names='"cat", "house"'; fi
                      echo "{\"file\": \"$file\", \"row\": $row, \"style\": \"s$row\", \"names\": [$names]}"
                    done
                    """#))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        return script
    }

    private func evaluate(_ arguments: [String]) throws -> Monge.Result {
        try Monge.run(
            ["evaluate", "image", "--model", Self.model, "--device", "cpu", "--steps", "2", "--width", "16", "--prompts", prompts]
                + arguments)
    }

    @Test func rowsAreCountedAndShown() throws {
        let (page, kept) = (folder.path("page.html"), folder.path("kept"))
        let beside = try folder.file("beside.txt", "a red cat\na red house")
        let result = try evaluate([
            "--steer", map, "--strengths", "0,0.5,1", "--judge", try judge(), "--label", "row>=2", "--label", "style=s2", "--html", page,
            "--out",
            kept, "--beside-prompts", beside, "--beside-negative", "blur", "--json", "--seed", "5",
        ])
        #expect(result.code == 0, "\(result.errors)")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(json["questions"] as? [String] == ["row>=2", "style=s2"])
        let rows = try #require(json["rows"] as? [[String: Any]])
        #expect(rows.map { $0["title"] as? String } == ["λ = 0", "λ = 0.5", "λ = 1", "prompts of beside.txt", "negative prompt 'blur'"])
        #expect(rows.map { $0["strength"] as? Double } == [0, 0.5, 1, nil, nil])
        let shares = try rows.map { try #require($0["shares"] as? [[String: Any]]).map { $0["share"] as? Double } }
        #expect(shares == [[0, 0], [1, 1], [1, 0], [1, 0], [1, 0]])
        // Of "cat" and "house" the third row keeps one.
        #expect(rows.map { $0["recognised"] as? Double } == [1, 1, 0.5, 1, 1])
        #expect(rows.map { $0["namesKept"] as? Double } == [1, 1, 0.5, 1, 1])
        let pictures = try #require(json["pictures"] as? [[String: Any]])
        #expect(pictures.map { $0["file"] as? String } == (1...2).flatMap { prompt in (1...5).map { "000\(prompt)-\($0).png" } })
        #expect(pictures.map { $0["seed"] as? Int } == [5, 5, 5, 5, 5, 6, 6, 6, 6, 6])
        #expect(pictures[3]["prompt"] as? String == "a red cat" && pictures[3]["name"] as? String == "cat")

        // The pictures are those that are drawn one by one, λ = 0 those without a map.
        #expect(try FileManager.default.contentsOfDirectory(atPath: kept).count == 10)
        let one = folder.path("one.png")
        let drawn = try Monge.run(
            "image", "--model", Self.model, "--device", "cpu", "--steps", "2", "--width", "16", "--seed", "6", "--out", one, "a house")
        #expect(drawn.code == 0, "\(drawn.errors)")
        func png(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
        #expect(try pixels(png(one)) == pixels(png("\(kept)/0002-1.png")))
        #expect(try pixels(png(one)) != pixels(png("\(kept)/0002-3.png")))

        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.components(separatedBy: "<img src=\"data:image/png;base64,").count == 11)
        #expect(html.contains("a &lt;cat&gt;") && !html.contains("<cat>") && !html.contains("http"))
        #expect(html.contains("alt=\"a house, λ = 0.5: row&gt;=2 yes, style=s2 yes, name recognised\""))
    }

    /// The compressed pixels of a PNG.
    private func pixels(_ png: Data) throws -> Data {
        var place = 8
        var pixels = Data()
        while place + 8 <= png.count {
            let length = png[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            if png[place + 4..<place + 8].elementsEqual("IDAT".utf8) { pixels += png[place + 8..<place + 8 + length] }
            place += length + 12
        }
        return try #require(pixels.isEmpty ? nil : pixels)
    }

    @Test func tablesAreTextAndTextsStayTheDefault() throws {
        let result = try evaluate(["--judge", try judge(), "--label", "row=1", "--names-label", "things"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("without maps") && result.output.contains("100 %") && !result.output.contains("names kept"))
        // Today's command lines go on working.
        let texts = try Monge.run("evaluate", "--model", "smollm2", "--source", "a", "--target", "b", "--words", "c", "--plain", "d")
        #expect(texts.code == 2 && texts.errors.contains("--sites is missing"), "\(texts.errors)")
        #expect(try Monge.run("evaluate", "text", "--help").output.contains("--words"))
        #expect(try Monge.run("evaluate", "--help").output.contains("image"))
    }

    /// The model and the judges that ship, which were trained apart from one another: what captions ask for is seen.
    @Test func shippedJudgesSeeWhatIsAskedFor() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let (emoji, judges) = (root + "/Tests/Fixtures/emoji", root + "/tools/emoji/judges")
        let things = ["a dog", "a house", "a rocket"]
        let result = try Monge.run([
            "evaluate", "image", "--model", emoji + "/model", "--device", "cpu", "--steps", "8", "--guidance", "4", "--seed", "1000",
            "--prompts", try folder.file("lines.txt", things.map { $0 + ", line drawing" }.joined(separator: "\n")),
            "--beside-prompts", try folder.file("hearts.txt", things.map { $0 + " with a heart" }.joined(separator: "\n")),
            "--judge", judges + "/style", "--judge", judges + "/heart", "--label", "style=lineart", "--label", "heart=heart", "--json",
        ])
        #expect(result.code == 0, "\(result.errors)")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        let rows = try #require(json["rows"] as? [[String: Any]])
        let shares = try rows.map { try #require($0["shares"] as? [[String: Any]]).map { $0["share"] as? Double } }
        #expect(shares == [[1, 0], [0, 1]])
    }

    @Test func faultsOfJudgesAreSentences() throws {
        let html = folder.path("x.html")
        let label = ["--html", html, "--label", "row=1"]
        func expect(_ arguments: [String], _ code: Int32, _ part: String, _ line: Int = #line) throws {
            let result = try evaluate(arguments)
            #expect(
                result.code == code && result.errors.contains(part) && result.output.isEmpty,
                "line \(line): \(result.code) \(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: html), "line \(line)")
        }
        try expect(
            label + ["--judge", try judge("fails", "echo no weights >&2; exit 7")], 1,
            "no weights\nmonge: the judge '\(folder.path("fails"))' ends with exit code 7")
        try expect(label + ["--judge", try judge("dies", "kill -9 $$")], 1, "was ended by signal 9 (Killed)")
        try expect(label + ["--judge", folder.path("missing")], 1, "ends with exit code 127")
        try expect(label + ["--judge", try judge("silent", "true")], 1, "no line about 0001-1.png")
        try expect(label + ["--judge", try judge("talks", "echo hello")], 1, "line 1 of the judge")
        try expect(
            ["--html", html, "--label", "mood=happy", "--judge", try judge()], 1, "no label 'mood'; its labels are row, style, names")
        try expect(label, 2, "--judge")
        try expect(["--judge", "true"], 2, "--label")
        try expect(["--label", "row>x", "--judge", "true"], 2, "no number")
        try expect(label + ["--judge", "true", "--out", folder.url.path], 2, "not empty")
        try expect(
            label + ["--judge", "true", "--beside-prompts", try folder.file("one.txt", "a cat")], 2, "has 1 prompts, one for each of 2")
        try expect(label + ["--judge", "true", "--names", try folder.file("names.txt", "cat")], 2, "1 names of things for 2 prompts")
    }

    /// Ctrl-C while a judge hangs: it is ended, too, and the folder of pictures goes.
    @Test(.timeLimit(.minutes(60))) func hangingJudgesAreInterrupted() throws {
        let (told, temporary) = (folder.path("told"), folder.path("temporary"))
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        let judge = try judge("hangs", "trap '' TERM\necho $$ > '\(told).new'; mv '\(told).new' '\(told)'\nwhile true; do sleep 0.1; done")
        let process = Process()
        let executable = try #require(Monge.executable)
        process.executableURL = executable
        process.arguments = [
            "evaluate", "image", "--model", Self.model, "--device", "cpu", "--steps", "2", "--width", "16", "--prompts", prompts, "--judge",
            judge,
            "--label", "row=1",
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(["TMPDIR": temporary]) { $1 }
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        while !FileManager.default.fileExists(atPath: told) {
            try #require(process.isRunning)
            usleep(20_000)
        }
        let judging = try #require(pid_t(String(contentsOfFile: told, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(kill(judging, 0) == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).count == 1)
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGINT)
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        // Whoever inherits it takes notice of its end in a while.
        while kill(judging, 0) == 0, !isDead(judging) { usleep(20_000) }
    }

    /// Whether a process has ended and is yet to be taken notice of.
    private func isDead(_ process: pid_t) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return true }
        return text.components(separatedBy: ") ").last?.hasPrefix("Z") == true
    }
}
