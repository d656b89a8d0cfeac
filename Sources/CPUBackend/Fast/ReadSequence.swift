/// What operations read after what, besides the weights of products, when they last ran: norms' gains and the maps of steered sites, so that those that
/// come next can be asked for ahead of their use.
///
/// A decoding step reads the same ones in the same order for every token, and the weights of its products drive all of them out of the caches in
/// between. What is kept is addresses, which are never read through and keep nothing alive: one that is outdated costs requests for memory that
/// nobody needs, and no result depends on any.
package struct ReadSequence {
    /// What an operation reads.
    package struct Place: BitwiseCopyable, Equatable {
        /// Where a norm's gain lies, and the numbers of the map that is applied; 0 for none.
        package var gain, map: UInt

        package init(gain: UInt = 0, map: UInt = 0) { (self.gain, self.map) = (gain, map) }
    }

    private var places: [Place] = []
    /// Of the operation that ran last.
    private var last = -1
    /// The most operations that are remembered: those of some tokens, few enough to be searched for one that comes out of turn.
    package static let capacity = 512

    package init() {}

    package var count: Int { places.count }

    /// Takes note of an operation that is about to run.
    /// - Returns: What comes next if all is as it was, which may be anything.
    package mutating func next(after place: Place) -> Place {
        if following < places.count, places[following] == place {
            last = following
        } else if let known = places.firstIndex(of: place) {
            last = known
        } else {
            // What followed before does so no more, or is more than is remembered.
            places.removeSubrange((last + 1 < Self.capacity ? last + 1 : 0)...)
            places.append(place)
            last = places.count - 1
        }
        return places[following]
    }

    /// What followed the last one, the first after all of them.
    private var following: Int { last + 1 < places.count ? last + 1 : 0 }
}
