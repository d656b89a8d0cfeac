/// Reads the pickle of a state dict: the few instructions that make dictionaries, lists, numbers, strings and tensors.
///
/// A pickle is a program. This reader runs none of what it names: a class or a function stays a name, and only the three that a state dict
/// of tensors needs have a meaning here. Everything else is refused by name.
///
/// Source: CPython's `pickletools.py` (protocols 2 to 5), and `torch.serialization`.
struct PickleReader {
    private var reader: Cursor
    private var stack: [PickleValue] = []
    /// Where the stack was at each mark.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    /// Lists, tuples and dictionaries that were made.
    private var containers = 0

    /// More than any map's state dict has. What is nested as deep as a file is long would not come apart again, since that goes level by level.
    private static let maximumContainers = 10_000
    /// The longest pickle that is read: state dicts of maps have some hundred bytes.
    static let maximumBytes = 16 << 20

    private struct Cursor {
        let file: String
        let bytes: UnsafeRawBufferPointer
        var offset = 0

        mutating func take(_ count: Int) throws(ModelFileError) -> UnsafeRawBufferPointer {
            guard count >= 0, count <= bytes.count - offset else {
                throw .malformed(file: file, detail: "the pickle ends inside an instruction at byte \(offset)")
            }
            defer { offset += count }
            return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
        }

        mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(ModelFileError) -> T {
            T(littleEndian: try take(MemoryLayout<T>.size).loadUnaligned(as: T.self))
        }

        mutating func string(_ count: Int) throws(ModelFileError) -> String {
            let start = offset
            guard let text = String(validating: try take(count), as: UTF8.self) else {
                throw .malformed(file: file, detail: "the pickle has a string at byte \(start) that is not UTF-8")
            }
            return text
        }

        mutating func line() throws(ModelFileError) -> String {
            guard let end = bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) else {
                throw .malformed(file: file, detail: "the pickle ends inside a name at byte \(offset)")
            }
            let text = try string(end - offset)
            offset += 1
            return text
        }
    }

    private init(_ bytes: UnsafeRawBufferPointer, file: String) { reader = Cursor(file: file, bytes: bytes) }

    /// The value that a pickle makes.
    /// - Parameter file: What messages call it.
    static func value(_ bytes: UnsafeRawBufferPointer, file: String) throws(ModelFileError) -> PickleValue {
        guard bytes.count <= maximumBytes else {
            throw .unsupported(file: file, detail: "its pickle has \(bytes.count) bytes, more than a state dict of maps")
        }
        var reader = PickleReader(bytes, file: file)
        return try reader.run()
    }

    private func malformed(_ detail: String) -> ModelFileError { .malformed(file: reader.file, detail: "the pickle \(detail)") }

    private mutating func pop() throws(ModelFileError) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else { throw malformed("takes more values than it has") }
        return value
    }

    private mutating func popToMark() throws(ModelFileError) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw malformed("ends a group that it has not begun") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func push(_ value: PickleValue) { stack.append(value) }

    /// A list, tuple or dictionary that is new.
    private mutating func pushNew(_ container: PickleValue) throws(ModelFileError) {
        containers += 1
        guard containers <= Self.maximumContainers else {
            throw malformed("makes more than \(Self.maximumContainers) lists and dictionaries")
        }
        stack.append(container)
    }

    private mutating func run() throws(ModelFileError) -> PickleValue {
        while true {
            let place = reader.offset
            let code = try reader.integer(UInt8.self)
            switch code {
            case 0x80:  // PROTO
                let version = try reader.integer(UInt8.self)
                guard (2...5).contains(version) else { throw malformed("is of protocol \(version), 2 to 5 are known") }
            case 0x95: _ = try reader.take(8)  // FRAME
            case UInt8(ascii: "."): return try pop()
            case UInt8(ascii: "("): marks.append(stack.count)
            case UInt8(ascii: "0"): _ = try pop()
            case UInt8(ascii: "N"): push(.none)
            case 0x88: push(.bool(true))
            case 0x89: push(.bool(false))
            case UInt8(ascii: "K"): push(.integer(Int(try reader.integer(UInt8.self))))
            case UInt8(ascii: "M"): push(.integer(Int(try reader.integer(UInt16.self))))
            case UInt8(ascii: "J"): push(.integer(Int(try reader.integer(Int32.self))))
            case 0x8A: push(.integer(try long(Int(try reader.integer(UInt8.self)))))
            case UInt8(ascii: "G"): push(.float(Double(bitPattern: try reader.integer(UInt64.self).byteSwapped)))
            case 0x8C: push(.string(try reader.string(Int(try reader.integer(UInt8.self)))))
            case UInt8(ascii: "X"): push(.string(try reader.string(Int(try reader.integer(UInt32.self)))))
            case 0x8D: push(.string(try reader.string(Int(clamping: try reader.integer(UInt64.self)))))
            case UInt8(ascii: "c"): push(.global("\(try reader.line()).\(try reader.line())"))
            case 0x93:  // STACK_GLOBAL
                let (name, module) = (try pop(), try pop())
                guard case .string(let name) = name, case .string(let module) = module else {
                    throw malformed("names a class by no string")
                }
                push(.global("\(module).\(name)"))
            case UInt8(ascii: "q"): try remember(Int(try reader.integer(UInt8.self)))
            case UInt8(ascii: "r"): try remember(Int(try reader.integer(UInt32.self)))
            case 0x94: try remember(memo.count)
            case UInt8(ascii: "h"): try recall(Int(try reader.integer(UInt8.self)))
            case UInt8(ascii: "j"): try recall(Int(try reader.integer(UInt32.self)))
            case UInt8(ascii: ")"): try pushNew(.tuple([]))
            case UInt8(ascii: "t"): try pushNew(.tuple(try popToMark()))
            case 0x85...0x87:
                var elements: [PickleValue] = []
                for _ in 0..<Int(code) - 0x84 { elements.insert(try pop(), at: 0) }
                try pushNew(.tuple(elements))
            case UInt8(ascii: "]"): try pushNew(.list(PickleList()))
            case UInt8(ascii: "}"): try pushNew(.dictionary(PickleDictionary()))
            case UInt8(ascii: "a"): try append([try pop()])
            case UInt8(ascii: "e"): try append(try popToMark())
            case UInt8(ascii: "s"):
                let (value, key) = (try pop(), try pop())
                try set([key, value])
            case UInt8(ascii: "u"): try set(try popToMark())
            case UInt8(ascii: "Q"): push(.storage(try storage(try pop())))
            case UInt8(ascii: "R"):
                let (arguments, function) = (try pop(), try pop())
                push(try made(by: function, arguments))
            case UInt8(ascii: "b"):
                // Attributes of a dictionary, such as the versions of a module's buffers: of no meaning here.
                _ = try pop()
                guard case .dictionary? = stack.last else { throw malformed("sets the state of an object that is no dictionary") }
            default:
                throw .unsupported(
                    file: reader.file,
                    detail: "its pickle has instruction \(code) at byte \(place), which no state dict of tensors needs; it is not read")
            }
        }
    }

    /// An integer of `count` bytes, in two's complement.
    private mutating func long(_ count: Int) throws(ModelFileError) -> Int {
        guard count <= 8 else { throw malformed("has an integer of \(count) bytes") }
        let bytes = try reader.take(count)
        var value = bytes.last.map { $0 >= 0x80 ? -1 : 0 } ?? 0
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        return value
    }

    private mutating func remember(_ index: Int) throws(ModelFileError) {
        guard let value = stack.last else { throw malformed("remembers a value that it has not") }
        memo[index] = value
    }

    private mutating func recall(_ index: Int) throws(ModelFileError) {
        guard let value = memo[index] else { throw malformed("recalls value \(index), which it has not remembered") }
        push(value)
    }

    private mutating func append(_ values: [PickleValue]) throws(ModelFileError) {
        guard case .list(let list)? = stack.last else { throw malformed("appends to what is no list") }
        list.elements += values
    }

    private mutating func set(_ pairs: [PickleValue]) throws(ModelFileError) {
        guard pairs.count % 2 == 0, case .dictionary(let dictionary)? = stack.last else {
            throw malformed("sets an element of what is no dictionary")
        }
        for index in stride(from: 0, to: pairs.count, by: 2) {
            if case .string(let key) = pairs[index] { dictionary.values[key] = pairs[index + 1] }
        }
    }

    /// The storage that a persistent id of PyTorch names: ('storage', class, key, place, count).
    private func storage(_ id: PickleValue) throws(ModelFileError) -> PickleStorage {
        guard case .tuple(let parts) = id, parts.count == 5, case .string("storage") = parts[0], case .global(let type) = parts[1],
            case .string(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
        else { throw malformed("names a storage in another way than PyTorch does") }
        guard type.hasPrefix("torch."), type.hasSuffix("Storage") else {
            throw .unsupported(file: reader.file, detail: "its pickle stores a tensor as \(type), which is none of PyTorch's storages")
        }
        return PickleStorage(type: String(type.dropFirst("torch.".count)), key: key, count: count)
    }

    /// What a call makes, of the three that state dicts have.
    private func made(by function: PickleValue, _ arguments: PickleValue) throws(ModelFileError) -> PickleValue {
        guard case .global(let name) = function, case .tuple(let arguments) = arguments else {
            throw malformed("calls what is no function")
        }
        switch name {
        case "collections.OrderedDict" where arguments.isEmpty: return .dictionary(PickleDictionary())
        case "torch._utils._rebuild_tensor_v2": return .tensor(try tensor(arguments))
        case "torch._utils._rebuild_parameter":
            guard case .tensor? = arguments.first else { throw malformed("makes a parameter of what is no tensor") }
            return arguments[0]
        default:
            throw .unsupported(
                file: reader.file,
                detail:
                    "its pickle asks for \(name) to be called. A state dict of tensors needs no such call, and none is made: if the file is "
                    + "yours, save a plain dictionary of tensors")
        }
    }

    private func tensor(_ arguments: [PickleValue]) throws(ModelFileError) -> PickleTensor {
        func integers(_ value: PickleValue) -> [Int]? {
            guard case .tuple(let elements) = value else { return nil }
            let numbers = elements.compactMap { if case .integer(let number) = $0, number >= 0 { number } else { nil } }
            return numbers.count == elements.count ? numbers : nil
        }
        guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1], offset >= 0,
            let shape = integers(arguments[2]), let strides = integers(arguments[3]), shape.count == strides.count, shape.count <= 8
        else { throw malformed("makes a tensor in another way than PyTorch does") }
        // Not more elements than are stored: a stride of zero could ask for any number.
        var count = 1
        var last = offset
        for (extent, stride) in zip(shape, strides) {
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: extent)
            let (reach, isTooFar) = max(extent - 1, 0).multipliedReportingOverflow(by: stride)
            guard !isTooLarge, !isTooFar, product <= storage.count, reach <= storage.count else {
                throw malformed("makes a tensor of \(shape), more than its storage of \(storage.count) holds")
            }
            count = product
            last += reach
        }
        guard count == 0 || last < storage.count else { throw malformed("makes a tensor that reaches past its storage") }
        return PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides)
    }
}
