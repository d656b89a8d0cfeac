/// What can be called.
package indirect enum Callable {
    /// A method of a value.
    case method(of: Value, String)
    case global(GlobalFunction)
    case macro(Macro)
    case joiner(Joiner)
    case cycler(Cycler)
    /// A method of a loop or a cycler.
    case loopMethod(Loop, String)
    case cyclerMethod(Cycler, String)

    package enum GlobalFunction: String, CaseIterable {
        case range, dict, namespace, cycler, joiner
        case raiseException = "raise_exception"
        case strftimeNow = "strftime_now"
    }

    /// A macro with the scope that it was defined in.
    package final class Macro {
        let definition: Statement.Macro
        let scope: Scope

        init(_ definition: Statement.Macro, scope: Scope) {
            self.definition = definition
            self.scope = scope
        }
    }

    /// Writes its separator but for the first time.
    package final class Joiner {
        let separator: Value
        var wasUsed = false
        init(_ separator: Value) { self.separator = separator }
    }

    package final class Cycler {
        let items: [Value]
        var index = 0
        init(_ items: [Value]) { self.items = items }
    }
}

/// The variables of a part of a template.
package final class Scope {
    /// Nil for a name that is not defined yet.
    var variables: [String: Value?] = [:]
    let parent: Scope?

    init(parent: Scope?) { self.parent = parent }
}

/// The arguments of a call, evaluated.
struct Arguments {
    var positional: [Value] = []
    var named: [(name: String, value: Value)] = []
}
