extension Interpreter {
    /// The text that a macro writes.
    func call(_ macro: Callable.Macro, _ arguments: Arguments) throws(JinjaError) -> Value {
        let definition = macro.definition
        let scope = makeScope(definition.block.scope, parent: macro.scope)
        var named = arguments.named
        func take(_ name: String) -> Value? { named.firstIndex { $0.name == name }.map { named.remove(at: $0).value } }
        let firstDefault = definition.parameters.count - definition.defaults.count
        for (index, name) in definition.parameters.enumerated() {
            if index < arguments.positional.count {
                scope.variables[name] = arguments.positional[index]
            } else if let value = take(name) {
                scope.variables[name] = value
            } else if index >= firstDefault {
                scope.variables[name] = try evaluate(definition.defaults[index - firstDefault], in: scope)
            } else {
                scope.variables[name] = .undefined(Value.Undefined(message: "parameter '\(name)' was not provided"))
            }
        }
        if definition.uses.contains("caller"), !definition.parameters.contains("caller") {
            scope.variables["caller"] = take("caller") ?? .undefined(Value.Undefined(message: "No caller defined"))
        }
        let extra = arguments.positional.dropFirst(definition.parameters.count)
        if definition.uses.contains("varargs") {
            scope.variables["varargs"] = .tuple(Array(extra))
        } else if !extra.isEmpty {
            throw failure("macro '\(definition.name)' takes not more than \(definition.parameters.count) argument(s)")
        }
        if definition.uses.contains("kwargs") {
            var mapping = Value.Mapping()
            for (name, value) in named { mapping.set(name, to: value) }
            scope.variables["kwargs"] = .dictionary(mapping)
        } else if let first = named.first {
            throw failure("macro '\(definition.name)' takes no keyword argument '\(first.name)'")
        }
        let (text, _) = try capture { () throws(JinjaError) in
            try nested { () throws(JinjaError) in try execute(definition.block.body, in: scope) }
        }
        return .string(text)
    }
}
