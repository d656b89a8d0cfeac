/// Why a map cannot be read from, or written as, another program's file.
public enum ForeignMapError: Error, Equatable, CustomStringConvertible {
    /// The file holds no map that is known.
    case unreadable(file: String, detail: String)
    /// The map is one that the other format cannot say.
    case unsayable(String)

    public var description: String {
        switch self {
        case .unreadable(let file, let detail): "\(file): \(detail)"
        case .unsayable(let detail): detail
        }
    }
}
