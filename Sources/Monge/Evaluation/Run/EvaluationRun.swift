import Models

/// Measures of a model as it is and under maps at strengths: what is missing in a file of results is measured, and kept as it comes.
public struct EvaluationRun {
    public var measures: [any EvaluationMeasure]
    public var series: [EvaluationSeries]
    /// What judges the texts of records that have some.
    public var judges: [any TextJudge]

    public init(measures: [any EvaluationMeasure], series: [EvaluationSeries], judges: [any TextJudge] = []) {
        self.measures = measures
        self.series = series
        self.judges = judges
    }

    private var variants: [EvaluationVariant] { EvaluationVariant.all(series) }

    private func key(_ measure: any EvaluationMeasure, _ part: String, _ variant: EvaluationVariant) -> EvaluationRecord.Key {
        EvaluationRecord.Key(
            measure: measure.name, part: part, maps: variant.series?.identity ?? "", strength: variant.strength)
    }

    /// Measures what is missing.
    ///
    /// Numbers that are not finite at a strength are noted there, and the others are measured all the same.
    /// - Parameters:
    ///   - file: What is known, and what comes of this.
    ///   - save: Called after each part, and once more at the end, also where that is an error.
    ///   - warn: Told, in a sentence, what a person should know.
    /// - Throws: ``MongeError`` for maps of another model before anything is measured, and what judges and `save` throw.
    public func run(
        on model: Model, file: inout EvaluationFile, save: (EvaluationFile) throws -> Void, progress: ProgressHandler? = nil
    ) throws {
        for map in series.flatMap({ $0.folds.joined() }) { try InstalledSteering.check(map, against: model.language) }
        for judge in judges {
            if let known = file.judges[judge.name], known != judge.identity {
                throw MongeError.usage(
                    "the results so far have scores of another judge named \(judge.name) (\(known), now \(judge.identity)); give this one another "
                        + "name, or name another file")
            }
            file.judges[judge.name] = judge.identity
        }
        do {
            try measure(on: model, &file, save, progress)
        } catch {
            file.rows = try rows(file)
            try save(file)
            throw error
        }
        file.rows = try rows(file)
        file.equalCost = EqualCostTable.tables(file.rows, series: series.map(\.name))
        try save(file)
    }

    private func measure(
        on model: Model, _ file: inout EvaluationFile, _ save: (EvaluationFile) throws -> Void, _ progress: ProgressHandler?
    ) throws {
        for measure in measures {
            let parts = measure.parts
            let missing = variants.flatMap { variant in
                parts.indices.filter { file[key(measure, parts[$0].name, variant)] == nil }.map { (part: $0, variant: variant) }
            }
            let total = missing.reduce(0) { $0 + parts[$1.part].count }
            var done = 0
            for variant in variants {
                for (index, part) in parts.enumerated() {
                    let key = key(measure, part.name, variant)
                    if file[key] == nil {
                        var record = EvaluationRecord(key: key)
                        do {
                            try measure.measure(index, variant, on: model, into: &record) {
                                try progress?(Progress(activity: measure.name, done: done + $0, total: total, unit: measure.unit))
                            }
                        } catch let error as MongeError {
                            guard case .notFinite = error else { throw error }
                            record = EvaluationRecord(key: key)
                            record.error = error.description
                        }
                        done += part.count
                        file.put(record)
                        try save(file)
                    }
                    try judge(key, &file, save, progress)
                }
            }
        }
    }

    /// Has texts of a record judged by all judges that have not said all yet.
    private func judge(
        _ key: EvaluationRecord.Key, _ file: inout EvaluationFile, _ save: (EvaluationFile) throws -> Void, _ progress: ProgressHandler?
    ) throws {
        guard var record = file[key], let texts = record.texts, record.error == nil else { return }
        for judge in judges {
            var known = record.scores?[judge.name] ?? []
            guard known.count < texts.count else { continue }
            let (first, done) = (known.count, record.scores?.values.reduce(0) { $0 + $1.count } ?? 0)
            defer {
                record.scores = (record.scores ?? [:]).merging([judge.name: known]) { $1 }
                file.put(record)
            }
            // Where the judge fails, what came before is kept, and a later run asks for the rest.
            try judge.judge(Array(texts[first...])) { scores in
                known += scores
                try progress?(
                    Progress(activity: "judging", done: done + known.count - first, total: texts.count * judges.count, unit: "texts"))
            }
            guard known.count == texts.count else {
                throw MongeError.failed("the judge \(judge.name) gives \(known.count) scores for \(texts.count) texts")
            }
        }
        try save(file)
    }

    /// A row for each variant of which something is known.
    public func rows(_ file: EvaluationFile) throws -> [EvaluationRow] {
        let variants = self.variants
        func records(_ measure: any EvaluationMeasure, _ variant: EvaluationVariant) -> [EvaluationRecord]? {
            let found = measure.parts.compactMap { file[key(measure, $0.name, variant)] }
            return found.count == measure.parts.count ? found : nil
        }
        return try variants.compactMap { variant in
            var row = EvaluationRow(series: variant.name, strength: variant.strength, metrics: [])
            var isKnown = false
            for measure in measures {
                guard let own = records(measure, variant) else { continue }
                isKnown = true
                if let error = own.lazy.compactMap(\.error).first {
                    row.error = error
                    continue
                }
                let reference = records(measure, variants[0]).flatMap { $0.contains { $0.error != nil } ? nil : $0 }
                row.metrics += try measure.metrics(own, reference: reference ?? [])
                row.examples += measure.examples(own)
            }
            return isKnown ? row : nil
        }
    }
}
