import Monge

/// Several texts that are continued at once, for one request.
struct ChoiceStream {
    /// What came of which text.
    typealias Event = (choice: Int, event: TextEvent)

    /// The events of all, each text's in their order. What fails of one ends all.
    static func events(_ requests: [TextRequest], by host: TextModelHost) -> AsyncThrowingStream<Event, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for (index, request) in requests.enumerated() {
                            group.addTask {
                                for try await event in host.generate(request) { continuation.yield((index, event)) }
                                try Task.checkCancellation()
                            }
                        }
                        try await group.waitForAll()
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

/// An iterator that is handed from the task that waits for the first event to the one that writes the answer.
struct HandedOn<Iterator>: @unchecked Sendable {
    var iterator: Iterator
}
