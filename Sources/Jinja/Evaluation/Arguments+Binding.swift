extension Interpreter {
    /// Gives the arguments of a call to parameters by place and by name; nil for those left out.
    /// - Parameter required: How many of the parameters have no default.
    func bind(
        _ arguments: Arguments, to parameters: [String], required: Int = 0, of function: String
    ) throws(JinjaError) -> [Value?] {
        guard arguments.positional.count <= parameters.count else {
            throw failure("\(function) takes at most \(parameters.count) argument(s), \(arguments.positional.count) are given")
        }
        var values: [Value?] = arguments.positional
        values += [Value?](repeating: nil, count: parameters.count - values.count)
        for (name, value) in arguments.named {
            guard let index = parameters.firstIndex(of: name) else { throw failure("\(function) takes no argument '\(name)'") }
            guard values[index] == nil else { throw failure("\(function) is given the argument '\(name)' twice") }
            values[index] = value
        }
        for index in 0..<required where values[index] == nil { throw failure("\(function) lacks the argument '\(parameters[index])'") }
        return values
    }

    func integer(_ value: Value?, default other: Int, _ what: String) throws(JinjaError) -> Int {
        guard let value else { return other }
        guard let number = value.integerValue else { throw typeFailure(what, value) }
        return number
    }

    func string(_ value: Value?, _ what: String) throws(JinjaError) -> String {
        guard let text = value?.text else { throw typeFailure(what, value ?? .none) }
        return text
    }
}
