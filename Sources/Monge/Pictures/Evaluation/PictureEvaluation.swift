import FileSystem
import Foundation
import Models
import Pictures
import Transport

/// What maps do to pictures, counted by judges: prompts drawn at several strengths, beside other ways of asking for the same.
public struct PictureEvaluation {
    /// One way of drawing the prompts: a column of the report, a row of the table.
    public struct Variant: Sendable {
        /// What the table calls it: "λ = 0.5".
        public var title: String
        /// Nil where no map acts.
        public var strength: Float?
        public var steering: [PictureSteer]
        /// Prompts in the place of the evaluation's, line by line.
        public var prompts: [String]?
        public var negative: String?

        public init(
            _ title: String, strength: Float? = nil, steering: [PictureSteer] = [], prompts: [String]? = nil, negative: String? = nil
        ) {
            self.title = title
            self.strength = strength
            self.steering = steering
            self.prompts = prompts
            self.negative = negative
        }
    }

    /// A row of the table.
    public struct Row: Sendable, Codable, Equatable {
        public struct Share: Sendable, Codable, Equatable {
            public var question: String
            public var share: Double
        }

        public var title: String
        /// Absent where no map acts.
        public var strength: Float?
        public var pictures: Int
        /// The share of pictures about which the answer to each question is yes.
        public var shares: [Share]
        /// The share of pictures whose own name is among those that the judge gives; absent where it gives none.
        public var recognised: Double?
        /// The share of those still recognised among those that are in the first row with strength 0; absent where there is none.
        public var namesKept: Double?
    }

    /// A picture that was drawn and judged.
    public struct Entry: Sendable {
        /// Which prompt, and which variant.
        public var prompt: Int
        public var variant: Int
        public var request: PictureRequest
        /// The file's name in the folder.
        public var file: String
        /// Answers to the questions, in their order.
        public var answers: [Bool]
        /// Nil where no name is told.
        public var isRecognised: Bool?
    }

    public struct Result: Sendable {
        public var rows: [Row]
        /// Prompt by prompt, and within one variant by variant.
        public var entries: [Entry]
        /// The name of each prompt's thing; nil where no judge gives names.
        public var names: [String?]
    }

    public var prompts: [String]
    public var variants: [Variant]
    public var questions: [PictureQuestion]
    /// The label under which a judge gives the names that it takes a picture's thing for.
    public var namesLabel = "names"
    /// The things' names, a prompt each; nil to find them in the prompts.
    public var names: [String]?
    /// The noise of prompt i has seed + i.
    public var seed: UInt64 = 0
    public var options = PictureOptions()

    public init(prompts: [String], variants: [Variant], questions: [PictureQuestion]) {
        self.prompts = prompts
        self.variants = variants
        self.questions = questions
    }

    /// Draws every prompt in every variant, has the pictures judged, and counts.
    /// - Parameters:
    ///   - judges: What they say of a picture counts together.
    ///   - folder: An empty one; PNG files are written into it, and stay.
    ///   - warn: Told, in a sentence, what a person should know.
    ///   - notice: Told, in a sentence, how a budget of memory is kept.
    /// - Throws: ``MongeError`` as drawing does, and where a judge fails or lacks what a question asks for.
    public func run(
        on model: PictureModel, judges: [any PictureJudge], in folder: String, progress: ProgressHandler? = nil,
        warn: (String) -> Void = { _ in }, notice: (String) -> Void = { _ in }
    ) throws -> Result {
        for variant in variants {
            guard variant.prompts.map({ $0.count == prompts.count }) ?? true else {
                throw MongeError.usage("\(variant.title) has \(variant.prompts!.count) prompts, one for each of \(prompts.count) is needed")
            }
        }
        if let names, names.count != prompts.count {
            throw MongeError.usage("there are \(names.count) names of things for \(prompts.count) prompts")
        }
        var entries = requests()
        try draw(entries, on: model, in: folder, progress: progress, warn: warn, notice: notice)
        var verdicts = [PictureVerdict](repeating: PictureVerdict(.init(members: [])), count: entries.count)
        for judge in judges {
            verdicts = try zip(verdicts, judge.verdicts(of: entries.map(\.file), in: folder, progress: progress)).map {
                $0.merged(with: $1)
            }
        }
        let told = verdicts.map { $0.texts(namesLabel) }
        let names = told.contains { $0 != nil } ? self.names ?? Self.names(of: prompts, among: told.compactMap(\.self).joined()) : nil
        for index in entries.indices {
            entries[index].answers = try questions.map { try $0.answer(verdicts[index], of: entries[index].file) }
            guard let names else { continue }
            // A thing whose name no judge gave for any picture is recognised in none.
            let name = names[entries[index].prompt]?.lowercased()
            entries[index].isRecognised = name != nil && told[index]?.contains { $0.lowercased() == name } ?? false
        }
        return Result(rows: rows(entries), entries: entries, names: names ?? [String?](repeating: nil, count: prompts.count))
    }

    /// What is drawn, with the files' names.
    private func requests() -> [Entry] {
        prompts.indices.flatMap { prompt in
            variants.enumerated().map { index, variant in
                let file = String(format: "%0\(max(4, String(prompts.count).count))d-%d.png", prompt + 1, index + 1)
                return Entry(
                    prompt: prompt, variant: index,
                    request: PictureRequest(
                        (variant.prompts ?? prompts)[prompt], negative: variant.negative, seed: seed &+ UInt64(prompt),
                        steering: variant.steering, name: "picture \(prompt + 1) (\(variant.title))"), file: file, answers: [])
            }
        }
    }

    /// Draws whole prompts together, as many as a batch holds, so that no more pictures than those are in memory.
    private func draw(
        _ entries: [Entry], on model: PictureModel, in folder: String, progress: ProgressHandler?, warn: (String) -> Void,
        notice: (String) -> Void
    ) throws {
        let together = max(1, options.batch / variants.count) * variants.count
        var warned = Set<String>()
        for first in stride(from: 0, to: entries.count, by: together) {
            let own = entries[first..<min(first + together, entries.count)]
            let pictures = try model.draw(
                own.map(\.request), options: options,
                progress: { step in
                    let share = Double(step.done) / Double(step.total)
                    let done = (Double(first) + share * Double(own.count)) * Double(options.steps)
                    try progress?(
                        Progress(activity: "drawing", done: Int(done), total: entries.count * options.steps, unit: "steps of pictures"))
                }, warn: { if warned.insert($0).inserted { warn($0) } }, notice: first == 0 ? notice : { _ in })
            for (entry, picture) in zip(own, pictures) {
                try picture.picture.write(
                    to: OutputFile("\(folder)/\(entry.file)"),
                    texts: [(keyword: PictureSettings.keyword, text: model.settings(of: entry.request, options).text)])
            }
        }
    }

    private func rows(_ entries: [Entry]) -> [Row] {
        func own(_ variant: Int) -> [Entry] { entries.filter { $0.variant == variant } }
        func share(_ values: some Collection<Bool>) -> Double? {
            values.isEmpty ? nil : Double(values.count(where: \.self)) / Double(values.count)
        }
        let reference = variants.firstIndex { $0.strength == 0 }.map(own)
        return variants.enumerated().map { index, variant in
            let own = own(index)
            let kept = reference.map { reference in
                zip(reference, own).filter { $0.0.isRecognised == true }.map { $0.1.isRecognised == true }
            }
            return Row(
                title: variant.title, strength: variant.strength, pictures: own.count,
                shares: questions.enumerated().map { number, question in
                    Row.Share(question: question.description, share: share(own.map { $0.answers[number] })!)
                }, recognised: share(own.compactMap(\.isRecognised)), namesKept: kept.flatMap(share))
        }
    }

    /// The name of the thing in each prompt: the longest of the names that judges gave which stands there in whole words.
    package static func names(of prompts: [String], among names: some Sequence<String>) -> [String?] {
        func words(_ text: String) -> [Substring] { text.lowercased().split { !($0.isLetter || $0.isNumber) } }
        let known = Set(names).map { (name: $0, words: words($0)) }.filter { !$0.words.isEmpty }
            .sorted { ($1.words.count, $1.name.count, $0.name) < ($0.words.count, $0.name.count, $1.name) }
        return prompts.map { prompt in
            let prompt = words(prompt)
            return known.first { name in prompt.indices.contains { prompt[$0...].starts(with: name.words) } }?.name
        }
    }
}
