/// A value of a pickle: plain data, or a tensor over a storage that lies beside the pickle.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case tuple([PickleValue])
    case list(PickleList)
    case dictionary(PickleDictionary)
    /// A class or a function by its name; it is never looked up, let alone called.
    case global(String)
    /// What a tensor's numbers are stored in.
    case storage(PickleStorage)
    case tensor(PickleTensor)

    /// What it is, for messages.
    var kind: String {
        switch self {
        case .none: "nothing"
        case .bool, .integer, .float: "a number"
        case .string: "a string"
        case .tuple, .list: "a list"
        case .dictionary: "a dictionary"
        case .global(let name): name
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }
}

/// A list, which a pickle can go on filling after it has put it elsewhere.
final class PickleList {
    var elements: [PickleValue] = []
}

/// A dictionary with string keys; other keys are not kept.
final class PickleDictionary {
    var values: [String: PickleValue] = [:]
}

struct PickleStorage {
    /// The name of PyTorch's class: `FloatStorage`.
    var type: String
    /// The entry of the archive: `data/KEY`.
    var key: String
    var count: Int
}

struct PickleTensor {
    var storage: PickleStorage
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}
