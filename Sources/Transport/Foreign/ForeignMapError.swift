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

extension TransportMap {
    /// - Parameter format: "a control vector".
    /// - Throws: ``ForeignMapError/unsayable(_:)`` for a map that does not act in all requests and on all tokens alike, which no format but Monge's says.
    public func requireUnconditional(_ format: String) throws {
        if condition != nil {
            throw ForeignMapError.unsayable("\(format) has no condition, and the map acts only in requests that meet one")
        }
        if let site = sites.first(where: { $0.gate != nil }) {
            throw ForeignMapError.unsayable("\(format) has one strength for all tokens, and the map has a gate at \(site.name)")
        }
        if let site = sites.first(where: { $0.clusters != nil }) {
            throw ForeignMapError.unsayable(
                "\(format) moves each neuron by itself, and the map moves whole tokens between clusters at \(site.name); a map of one cluster "
                    + "(--clusters 1) can be written")
        }
    }
}
