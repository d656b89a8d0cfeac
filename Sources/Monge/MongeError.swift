/// What can go wrong above the operations and the files, as a sentence a user can act on.
public enum MongeError: Error, Equatable, CustomStringConvertible {
    /// The caller asked for something that makes no sense: exit code 2.
    case usage(String)
    /// What was asked for could not be done: exit code 1.
    case failed(String)
    /// A model gave something that is no finite number: exit code 1.
    case notFinite(NonFiniteNumbers)

    public var description: String {
        switch self {
        case .usage(let sentence), .failed(let sentence): sentence
        case .notFinite(let numbers): "\(numbers)"
        }
    }
}
