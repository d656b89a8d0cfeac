/// What says of texts whether something is in them, so that the effect of a map can be counted.
public protocol TextJudge {
    /// What tables and files of results call it; unlike those of other judges beside it.
    var name: String { get }
    /// What its scores depend on: a file of results that has others under its name is refused.
    var identity: String { get }

    /// A score from 0 (surely not) to 1 (surely) for each text, in their order.
    /// - Parameter each: Called with the scores of the next texts as they come: what came before an error is kept.
    func judge(_ texts: [String], each: ([Double]) throws -> Void) throws
}
