/// A statement of a template.
indirect enum Statement: Sendable {
    case output([Expression])
    case forLoop(ForLoop)
    case conditional([(test: Expression, body: [Statement])], otherwise: [Statement])
    case set(Target, Expression, line: Int)
    /// `{% set %}` with a body; its text goes through the filters of `value`.
    case setBlock(Target, value: Expression, Block, line: Int)
    case macro(Macro)
    /// `{% call %}`: the body is a macro that the called one may call.
    case call(Expression, Macro)
    case filter(Expression, Block)
    case with([(target: Target, value: Expression)], Block)
    case breakLoop
    case continueLoop

    /// What a value is assigned to.
    indirect enum Target: Sendable {
        case name(String)
        case tuple([Target])
        case namespace(String, attribute: String)

        /// The names that it binds.
        var names: [String] {
            switch self {
            case .name(let name): [name]
            case .tuple(let targets): targets.flatMap(\.names)
            case .namespace: []
            }
        }
    }

    /// A body with a scope of its own.
    struct Block: Sendable {
        /// The number of its scope.
        let scope: Int
        let body: [Statement]
    }

    struct ForLoop: Sendable {
        let target: Target
        let iterable: Expression
        let filter: Expression?
        let body: Block
        let otherwise: Block
        let line: Int
    }

    struct Macro: Sendable {
        let name: String
        let parameters: [String]
        /// For the last of the parameters.
        let defaults: [Expression]
        let block: Block
        let line: Int
        /// Which it reads of the names that every macro has: caller, varargs, kwargs.
        let uses: Set<String>

        init(name: String, parameters: [String], defaults: [Expression], block: Block, line: Int) {
            self.name = name
            self.parameters = parameters
            self.defaults = defaults
            self.block = block
            self.line = line
            var names: Set<String> = []
            for expression in block.expressions { expression.collectNames(&names) }
            uses = names.intersection(["caller", "varargs", "kwargs"])
        }
    }
}

extension Statement {
    /// The expressions in it, and in what it holds.
    var expressions: [Expression] {
        switch self {
        case .output(let values): values
        case .forLoop(let loop):
            [loop.iterable] + [loop.filter].compactMap { $0 } + loop.body.expressions + loop.otherwise.expressions
        case .conditional(let branches, let otherwise):
            branches.flatMap { [$0.test] + $0.body.flatMap(\.expressions) } + otherwise.flatMap(\.expressions)
        case .set(_, let value, _): [value]
        case .setBlock(_, let value, let block, _), .filter(let value, let block): [value] + block.expressions
        case .with(let values, let block): values.map(\.value) + block.expressions
        case .call(let call, let macro): [call] + macro.defaults + macro.block.expressions
        case .macro(let macro): macro.defaults + macro.block.expressions
        case .breakLoop, .continueLoop: []
        }
    }
}

extension Statement.Block {
    var expressions: [Expression] { body.flatMap(\.expressions) }
}

extension Expression {
    /// Adds the names that it reads.
    func collectNames(_ names: inout Set<String>) {
        if case .name(let name) = kind { names.insert(name) }
        for child in children { child.collectNames(&names) }
    }
}
