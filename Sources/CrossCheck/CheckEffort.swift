/// How many cases of each operation are run.
public enum CheckEffort: Sendable, Equatable {
    /// Each operation's own number, which covers its types and options several times.
    case representative
    /// At least ``fullCases`` in all, shared out as the operations' own numbers are.
    case full
    /// So many of each.
    case cases(Int)

    /// The cases of all operations together in a full run.
    public static let fullCases = 20_000

    /// The number of cases of an operation.
    public func cases(of operation: CheckedOperation) -> Int {
        switch self {
        case .representative: return operation.defaultCases
        case .cases(let count): return count
        case .full:
            let representative = CrossCheck.operations.reduce(0) { $0 + $1.defaultCases }
            return operation.defaultCases * ((Self.fullCases + representative - 1) / representative)
        }
    }
}
