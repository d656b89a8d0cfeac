/// Who waits, and whose turn it is: the client that has been served the fewest tokens among those who wait goes first (Sheng et al., "Fairness in serving
/// large language models", OSDI 2024: the virtual token counter), and one client's requests go in the order in which they came.
///
/// A client that comes back after a pause begins with what it has had, or with the least that anyone who waits or is served has had where that is more:
/// nobody saves up for later, and nobody gets more by asking again each time.
package struct FairQueue<Element> {
    private struct Client {
        var waiting: [Element] = []
        /// How many of its requests are being served.
        var served = 0
        var tokens = 0
    }

    private var clients: [String: Client] = [:]
    /// What clients had had when they left; those that have less than all others begin with what these have anyway, and are forgotten.
    private var past: [String: Int] = [:]
    package private(set) var count = 0

    /// Clients that have left, of which it is known what they had.
    private static var remembered: Int { 4096 }

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// - Parameter isFirst: Whether it goes before the client's other requests: one that was put back.
    package mutating func append(_ element: Element, client: String, isFirst: Bool = false) {
        if clients[client] == nil {
            clients[client] = Client(tokens: max(past.removeValue(forKey: client) ?? 0, clients.values.map(\.tokens).min() ?? 0))
        }
        if isFirst { clients[client]!.waiting.insert(element, at: 0) } else { clients[client]!.waiting.append(element) }
        count += 1
    }

    /// The element whose turn it is, and its client.
    package var first: (element: Element, client: String)? {
        clients.filter { !$0.value.waiting.isEmpty }.min { ($0.value.tokens, $0.key) < ($1.value.tokens, $1.key) }
            .map { ($0.value.waiting[0], $0.key) }
    }

    /// Takes the first element of a client, which is served from here on.
    package mutating func removeFirst(of client: String) -> Element {
        count -= 1
        clients[client]!.served += 1
        return clients[client]!.waiting.removeFirst()
    }

    /// Takes out the elements that wait and meet a condition.
    package mutating func remove(where condition: (Element) -> Bool) -> [Element] {
        var removed: [Element] = []
        for name in clients.keys.sorted() {
            removed += clients[name]!.waiting.filter(condition)
            clients[name]!.waiting.removeAll(where: condition)
            leave(name)
        }
        count -= removed.count
        return removed
    }

    /// Counts tokens that a client's request has cost.
    package mutating func charge(_ tokens: Int, to client: String) { clients[client]?.tokens += tokens }

    /// A request of the client is served no more.
    package mutating func end(of client: String) {
        clients[client]!.served -= 1
        leave(client)
    }

    private mutating func leave(_ name: String) {
        guard let client = clients[name], client.served == 0, client.waiting.isEmpty else { return }
        clients[name] = nil
        past[name] = client.tokens
        if past.count > Self.remembered {
            let least = clients.values.map(\.tokens).min() ?? .max
            past = past.filter { $0.value > least }
        }
    }
}
