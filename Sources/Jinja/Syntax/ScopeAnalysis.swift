/// Which names are undefined when a scope begins, though a scope around it or the caller defines them.
///
/// Jinja compiles every scope to a function whose local variables are the names that are assigned in it. A name that is assigned before it is
/// read, and that no scope of the template around knows, is a new local variable, undefined until then, in the scopes within too. All
/// else is a variable of the innermost scope around that has it, or the caller's.
///
/// Source: jinja2 3.1 (`idtracking.py`).
struct ScopeAnalysis {
    /// By the number of the scope; 0 is the template itself.
    private(set) var undefined: [Int: [String]] = [:]

    init(_ template: [Statement]) {
        let symbols = Symbols(parent: nil)
        symbols.visit(template)
        finish(symbols, 0)
        visitScopes(template, symbols)
    }

    private mutating func finish(_ symbols: Symbols, _ scope: Int) {
        let names = symbols.loads.filter { $0.value == .undefined }.map(\.key)
        if !names.isEmpty { undefined[scope] = names }
    }

    private mutating func visit(_ block: Statement.Block, in parent: Symbols, _ prepare: (Symbols) -> Void) {
        let symbols = Symbols(parent: parent)
        prepare(symbols)
        symbols.visit(block.body)
        finish(symbols, block.scope)
        visitScopes(block.body, symbols)
    }

    private mutating func visit(_ macro: Statement.Macro, in parent: Symbols) {
        visit(macro.block, in: parent) { symbols in
            macro.parameters.forEach(symbols.declareParameter)
            macro.defaults.forEach(symbols.visit)
        }
    }

    /// The scopes that begin in these statements.
    private mutating func visitScopes(_ statements: [Statement], _ symbols: Symbols) {
        for statement in statements {
            switch statement {
            case .output, .set, .breakLoop, .continueLoop: break
            case .conditional(let branches, let otherwise):
                for branch in branches { visitScopes(branch.body, symbols) }
                visitScopes(otherwise, symbols)
            case .forLoop(let loop):
                visit(loop.body, in: symbols) { inner in
                    inner.declareParameter("loop")
                    loop.target.names.forEach(inner.declareParameter)
                }
                visit(loop.otherwise, in: symbols) { _ in }
            case .setBlock(_, _, let block, _): visit(block, in: symbols) { _ in }
            case .filter(_, let block): visit(block, in: symbols) { _ in }
            case .with(let values, let block):
                visit(block, in: symbols) { inner in values.flatMap(\.target.names).forEach(inner.declareParameter) }
            case .macro(let macro), .call(_, let macro): visit(macro, in: symbols)
            }
        }
    }
}

/// The names of one scope.
private final class Symbols {
    enum Load {
        case parameter, resolve, alias, undefined
    }

    let parent: Symbols?
    private var references: Set<String> = []
    private var stores: Set<String> = []
    private(set) var loads: [String: Load] = [:]

    init(parent: Symbols?) { self.parent = parent }

    private init(copying other: Symbols) {
        parent = other.parent
        references = other.references
        stores = other.stores
        loads = other.loads
    }

    private func knows(_ name: String) -> Bool { references.contains(name) || parent?.knows(name) == true }

    private func define(_ name: String, _ load: Load) {
        references.insert(name)
        loads[name] = load
    }

    func declareParameter(_ name: String) {
        stores.insert(name)
        define(name, .parameter)
    }

    private func load(_ name: String) { if !knows(name) { define(name, .resolve) } }

    private func store(_ name: String) {
        stores.insert(name)
        guard !references.contains(name) else { return }
        define(name, parent?.knows(name) == true ? .alias : .undefined)
    }

    func visit(_ statements: [Statement]) { for statement in statements { visit(statement) } }

    func visit(_ expression: Expression) {
        if case .name(let name) = expression.kind { load(name) }
        for child in expression.children { visit(child) }
    }

    private func visit(_ target: Statement.Target) {
        switch target {
        case .name(let name): store(name)
        case .tuple(let targets): targets.forEach(visit)
        case .namespace(let name, _): load(name)
        }
    }

    private func visit(_ statement: Statement) {
        switch statement {
        case .output(let values): values.forEach(visit)
        case .forLoop(let loop): visit(loop.iterable)
        case .conditional(let branches, let otherwise): visit(branches, otherwise)
        case .set(let target, let value, _):
            visit(value)
            visit(target)
        case .setBlock(let target, _, _, _): visit(target)
        case .macro(let macro): store(macro.name)
        case .call(let call, _): visit(call)
        case .filter(let value, _): visit(value)
        case .with(let values, _): values.forEach { visit($0.value) }
        case .breakLoop, .continueLoop: break
        }
    }

    /// A name that only some branches assign keeps the value that it has outside.
    private func visit(_ branches: [(test: Expression, body: [Statement])], _ otherwise: [Statement]) {
        visit(branches[0].test)
        let first = Symbols(copying: self)
        first.visit(branches[0].body)
        let middle = Symbols(copying: self)
        for branch in branches.dropFirst() { middle.visit([.conditional([branch], otherwise: [])]) }
        let last = Symbols(copying: self)
        last.visit(otherwise)
        let all = [first, middle, last]
        var counts: [String: Int] = [:]
        for branch in all { for name in branch.stores where !stores.contains(name) { counts[name, default: 0] += 1 } }
        for branch in all {
            references.formUnion(branch.references)
            loads.merge(branch.loads) { $1 }
            stores.formUnion(branch.stores)
        }
        for (name, count) in counts where count < all.count {
            loads[name] = parent?.knows(name) == true ? .alias : .resolve
        }
    }
}
