import Tensors

/// A network's forward pass between two stages.
///
/// A stage never writes into the tensors of the state it is given, so that a state can be gone on from more than once, and its tensors can lie
/// elsewhere while the pass waits.
package protocol StagedState {
    /// The number of stages that are done.
    var stage: Int { get set }
    /// All that waits in device memory, each tensor in its place.
    var tensors: [Tensor] { get set }
}

/// A network that is a list of stages, between which a pass can wait.
package protocol StagedNetwork {
    associatedtype State: StagedState
    /// A part of a forward pass: from one place where it can wait to the next.
    typealias Stage = (_ state: inout State, _ context: ForwardContext) throws -> Void

    var stages: [Stage] { get }
}

extension StagedNetwork {
    /// Carries a pass through its next stage; when that throws, the state is what it was.
    /// - Returns: Whether there are stages left.
    package func advance(_ state: inout State, context: ForwardContext) throws -> Bool {
        var next = state
        try stages[state.stage](&next, context)
        next.stage += 1
        state = next
        return state.stage < stages.count
    }

    /// Carries a pass from its state to its end.
    package func run(_ state: State, context: ForwardContext) throws -> State {
        var state = state
        while try advance(&state, context: context) {}
        return state
    }
}
