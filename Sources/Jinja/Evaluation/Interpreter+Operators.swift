import Foundation

/// Python's operators.
extension Interpreter {
    func typeFailure(_ operation: String, _ values: Value...) -> JinjaError {
        for value in values { if case .undefined(let undefined) = value { return failure(undefined.message) } }
        return failure("'\(operation)' does not take \(values.map { "'\($0.typeName)'" }.joined(separator: " and "))")
    }

    private func overflow() -> JinjaError { limit("a number does not fit 64 bits") }

    func negated(_ value: Value) throws(JinjaError) -> Value {
        if case .float(let number) = value { return .float(-number) }
        guard let number = value.integerValue else { throw typeFailure("-", value) }
        guard number != .min else { throw overflow() }
        return .integer(-number)
    }

    func binary(_ operation: Expression.BinaryOperator, _ left: Value, _ right: Value) throws(JinjaError) -> Value {
        if case .markup = left { throw unsupported("'\(operation.rawValue)' with escaped text is not supported") }
        if case .markup = right { throw unsupported("'\(operation.rawValue)' with escaped text is not supported") }
        switch (left, right) {
        case (.string(let a), .string(let b)) where operation == .add:
            try requireBytes(a.utf8.count + b.utf8.count)
            return .string(try checked(a + b))
        case (.list(let a), .list(let b)) where operation == .add:
            try charge((a.elements.count + b.elements.count) / 4)
            return .list(a.elements + b.elements)
        case (.tuple(let a), .tuple(let b)) where operation == .add:
            try charge((a.elements.count + b.elements.count) / 4)
            return .tuple(a.elements + b.elements)
        case (.string(let format), _) where operation == .remainder: return .string(try formatted(format, right))
        case (.integer, .string), (.bool, .string), (.integer, .list), (.bool, .list), (.integer, .tuple), (.bool, .tuple):
            if operation == .multiply { return try repeated(right, left.integerValue!) }
        case (.string, .integer), (.string, .bool), (.list, .integer), (.list, .bool), (.tuple, .integer), (.tuple, .bool):
            if operation == .multiply { return try repeated(left, right.integerValue!) }
        default: break
        }
        if let a = left.integerValue, let b = right.integerValue { return try integers(operation, a, b) }
        if let a = left.doubleValue, let b = right.doubleValue { return .float(try floats(operation, a, b)) }
        throw typeFailure(operation.rawValue, left, right)
    }

    private func repeated(_ value: Value, _ count: Int) throws(JinjaError) -> Value {
        let count = max(count, 0)
        switch value {
        case .string(let text):
            let (bytes, overflows) = text.utf8.count.multipliedReportingOverflow(by: count)
            try requireBytes(overflows ? .max : bytes)
            return .string(try checked(String(repeating: text, count: count)))
        case .list(let items), .tuple(let items):
            let (total, overflows) = items.elements.count.multipliedReportingOverflow(by: count)
            try charge(overflows ? limits.steps : total)
            let all = Array(repeatElement(items.elements, count: count).joined())
            if case .tuple = value { return .tuple(all) }
            return .list(all)
        default: throw typeFailure("*", value)
        }
    }

    private func integers(_ operation: Expression.BinaryOperator, _ a: Int, _ b: Int) throws(JinjaError) -> Value {
        func checked(_ result: (partialValue: Int, overflow: Bool)) throws(JinjaError) -> Value {
            guard !result.overflow else { throw overflow() }
            return .integer(result.partialValue)
        }
        switch operation {
        case .add: return try checked(a.addingReportingOverflow(b))
        case .subtract: return try checked(a.subtractingReportingOverflow(b))
        case .multiply: return try checked(a.multipliedReportingOverflow(by: b))
        case .divide:
            guard b != 0 else { throw failure("division by zero") }
            guard a.magnitude < 1 << 53, b.magnitude < 1 << 53 else { throw limit("numbers above 2⁵³ cannot be divided") }
            return .float(Double(a) / Double(b))
        case .floorDivide, .remainder:
            guard b != 0 else { throw failure("integer division or modulo by zero") }
            guard !(a == .min && b == -1) else { throw overflow() }
            let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
            // Python rounds down, so that the remainder has the sign of the divisor.
            let isBelow = remainder != 0 && (remainder < 0) != (b < 0)
            return .integer(operation == .floorDivide ? quotient - (isBelow ? 1 : 0) : remainder + (isBelow ? b : 0))
        case .power:
            guard b >= 0 else { return .float(try floats(.power, Double(a), Double(b))) }
            var result = 1
            if a.magnitude > 1 {
                guard b < 64 else { throw overflow() }
                for _ in 0..<b {
                    let product = result.multipliedReportingOverflow(by: a)
                    guard !product.overflow else { throw overflow() }
                    result = product.partialValue
                }
            } else if b > 0 {
                result = a == -1 && b % 2 == 0 ? 1 : a
            }
            return .integer(result)
        }
    }

    private func floats(_ operation: Expression.BinaryOperator, _ a: Double, _ b: Double) throws(JinjaError) -> Double {
        switch operation {
        case .add: return a + b
        case .subtract: return a - b
        case .multiply: return a * b
        case .divide, .floorDivide, .remainder:
            guard b != 0 else { throw failure("float division by zero") }
            if operation == .divide { return a / b }
            var remainder = fmod(a, b)
            var quotient = (a - remainder) / b
            if remainder != 0, (remainder < 0) != (b < 0) {
                remainder += b
                quotient -= 1
            }
            if operation == .remainder { return remainder == 0 ? copysign(0, b) : remainder }
            return quotient == 0 ? copysign(0, a / b) : (quotient + 0.5).rounded(.down)
        case .power:
            guard !(a == 0 && b < 0) else { throw failure("0.0 cannot be raised to a negative power") }
            let power = pow(a, b)
            guard !power.isNaN || a.isNaN || b.isNaN else { throw unsupported("complex numbers are not supported") }
            guard power.isFinite || !a.isFinite || !b.isFinite else { throw failure("the result of ** is too large") }
            return power
        }
    }

    /// Python's `%` between a format and its values: the conversions s, r, d, i, x, f and %, with width, zeros, minus and precision.
    func formatted(_ format: String, _ value: Value) throws(JinjaError) -> String {
        var values: [Value]
        if case .tuple(let items) = value { values = items.elements } else { values = [value] }
        var isMapping = false
        if case .dictionary = value { isMapping = true }
        var result = ""
        var rest = try scalars(format)[...]
        while let scalar = rest.popFirst() {
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            var flags = ""
            while let flag = rest.first, "-0+ ".unicodeScalars.contains(flag) {
                flags.unicodeScalars.append(flag)
                rest.removeFirst()
            }
            func number() -> Int? {
                var digits = ""
                while let digit = rest.first, digit.isASCIIDigit {
                    digits.unicodeScalars.append(digit)
                    rest.removeFirst()
                }
                return digits.isEmpty ? nil : Int(digits) ?? .max
            }
            let width = number() ?? 0
            var precision: Int?
            if rest.first == "." {
                rest.removeFirst()
                precision = number() ?? 0
            }
            guard width < 10_000, precision ?? 0 < 1_000 else { throw limit("a width in a format is too large") }
            guard let conversion = rest.popFirst() else { throw failure("incomplete format") }
            if conversion == "%" {
                result += "%"
                continue
            }
            guard conversion != "(" else { throw unsupported("names in formats with % are not supported") }
            guard !values.isEmpty else { throw failure("not enough arguments for format string") }
            let argument = values.removeFirst()
            var text: String
            switch conversion {
            case "s", "r":
                text = conversion == "s" ? try self.text(of: argument) : try representation(of: argument)
                if let precision { text = String(try scalars(text).prefix(precision)) }
            case "d", "i", "x", "X":
                guard let number = argument.integerValue ?? argument.doubleValue.flatMap({ Int(exactly: $0.rounded(.towardZero)) }) else {
                    throw typeFailure("%\(conversion)", argument)
                }
                text = String(number, radix: conversion == "x" || conversion == "X" ? 16 : 10, uppercase: conversion == "X")
            case "f", "F":
                guard let number = argument.doubleValue else { throw typeFailure("%f", argument) }
                text = String(format: "%.\(precision ?? 6)f", number)
            default: throw unsupported("the format '%\(conversion)' is not supported")
            }
            if conversion != "s", conversion != "r", !text.hasPrefix("-"), let sign = flags.first(where: { $0 == "+" || $0 == " " }) {
                text = String(sign) + text
            }
            let padding = max(0, width - text.unicodeScalars.count)
            if flags.contains("-") {
                text += String(repeating: " ", count: padding)
            } else if flags.contains("0"), conversion != "s", conversion != "r" {
                let sign = text.prefix { "+- ".contains($0) }
                text = sign + String(repeating: "0", count: padding) + text.dropFirst(sign.count)
            } else {
                text = String(repeating: " ", count: padding) + text
            }
            result += text
            try requireBytes(result.utf8.count)
        }
        guard values.isEmpty || isMapping else { throw failure("not all arguments converted during string formatting") }
        return try checked(result)
    }
}
