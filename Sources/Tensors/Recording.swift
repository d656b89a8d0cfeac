/// Operations that were recorded once (``Backend/record(isBrief:_:)``) and run as often as wanted.
public protocol RecordedOperations: AnyObject {
    /// Runs them, in order with the operations around.
    func replay() throws
}

/// Operations that are asked for anew in each replay.
package final class RepeatedOperations: RecordedOperations {
    private let operations: () throws -> Void

    package init(_ operations: @escaping () throws -> Void) { self.operations = operations }

    package func replay() throws { try operations() }
}

extension Backend {
    public func record(isBrief: Bool, _ operations: @escaping () throws -> Void) throws -> any RecordedOperations {
        RepeatedOperations(operations)
    }

    /// ``record(isBrief:_:)`` of operations that may take long.
    public func record(_ operations: @escaping () throws -> Void) throws -> any RecordedOperations {
        try record(isBrief: false, operations)
    }
}
