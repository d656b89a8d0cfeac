/// What can go wrong above the operations and the files, as a sentence a user can act on.
public enum MongeError: Error, Equatable, CustomStringConvertible {
    /// The caller asked for something that makes no sense: exit code 2.
    case usage(String)
    /// No model of that name or path is there: exit code 2.
    case modelNotFound(String)
    /// A text and what is to be added to it are longer than the model's context: exit code 2.
    case contextExceeded(String)
    /// The budget is too small for what is to be done: exit code 2.
    case memoryBudget(String)
    /// A map was fitted on another model than the one it is to steer: exit code 1.
    case wrongMap(String)
    /// More is asked for at a time than is taken on; later it may be: exit code 1.
    case busy(String)
    /// What was asked for could not be done: exit code 1.
    case failed(String)
    /// A model gave something that is no finite number: exit code 1.
    case notFinite(NonFiniteNumbers)

    /// Whether the command was used wrongly, and asking for something else would help.
    package var isUsage: Bool {
        switch self {
        case .usage, .modelNotFound, .contextExceeded, .memoryBudget: true
        case .wrongMap, .busy, .failed, .notFinite: false
        }
    }

    public var description: String {
        switch self {
        case .usage(let sentence), .modelNotFound(let sentence), .contextExceeded(let sentence), .memoryBudget(let sentence),
            .wrongMap(let sentence), .busy(let sentence), .failed(let sentence):
            sentence
        case .notFinite(let numbers): "\(numbers)"
        }
    }
}
