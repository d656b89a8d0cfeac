/// How far a long piece of work has come.
public struct Progress: Sendable {
    /// What is being done, for a person: "fitting", "generating".
    public var activity: String
    public var done: Int
    public var total: Int
    /// What is counted: "sites", "tokens".
    public var unit: String

    public init(activity: String, done: Int, total: Int, unit: String) {
        self.activity = activity
        self.done = done
        self.total = total
        self.unit = unit
    }
}

/// Called now and then during long work; what it throws ends the work.
public typealias ProgressHandler = (Progress) throws -> Void
