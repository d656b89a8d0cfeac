import Models
import Pictures

/// What comes of pictures that are drawn, in order.
public enum PictureEvent: Sendable {
    /// Steps that are done, of all.
    case progress(done: Int, total: Int)
    /// A picture as it is so far, still with noise in it.
    /// - Parameters:
    ///   - index: Which of those that were asked for.
    ///   - number: How many there were of it before.
    case partial(index: Int, number: Int, Picture)
    case picture(index: Int, DrawnPicture)
}

/// Draws pictures for many who ask at once, each with maps and strengths of its own: those that go through the same steps are drawn together, and a step is
/// done at a time, so that others who use the device have their turns in between.
///
/// Whoever stops listening to the events of a request cancels it.
public actor PictureEngine {
    private struct Job {
        let requests: [PictureRequest]
        let options: PictureOptions
        let partials: Int
        let ticket: ListenerTicket
        let continuation: AsyncThrowingStream<PictureEvent, any Error>.Continuation
        /// Whether it is drawn by itself: with others something failed.
        var isAlone = false
    }

    private let executor = QueueExecutor(label: "monge.pictures")
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let model: PictureModel
    private let turns: DeviceTurns
    private let waitingLimit: Int
    private var jobs: [Job] = []
    private var isRunning = false

    /// - Parameters:
    ///   - model: The engine's from here on.
    ///   - waiting: The most requests that wait.
    ///   - turns: Those of the model's device, where others use it too.
    public init(_ model: sending PictureModel, waiting: Int = 256, turns: DeviceTurns = DeviceTurns()) {
        self.model = model
        self.turns = turns
        waitingLimit = waiting
    }

    /// Draws pictures.
    /// - Parameter partials: How often each is shown before it is done.
    /// - Returns: How far they are, and each when it is done. Throws ``MongeError`` for what cannot be drawn, or the device's failure.
    public nonisolated func draw(
        _ requests: [PictureRequest], options: PictureOptions, partials: Int = 0
    ) -> AsyncThrowingStream<PictureEvent, any Error> {
        AsyncThrowingStream { continuation in
            let ticket = ListenerTicket()
            continuation.onTermination = { _ in ticket.leave() }
            let job = Job(requests: requests, options: options, partials: partials, ticket: ticket, continuation: continuation)
            Task { await self.begin(job) }
        }
    }

    private func begin(_ job: Job) {
        do {
            guard jobs.count < waitingLimit else {
                throw MongeError.busy("\(jobs.count) requests for pictures wait already: ask again later")
            }
            // What would fail while others are drawn with it is refused by itself.
            _ = try model.checked(job.requests, job.options)
            for steer in job.requests.flatMap(\.steering) { try InstalledSteering.check(steer.steer.map, against: model.diffusion) }
        } catch {
            return job.continuation.finish(throwing: error)
        }
        jobs.append(job)
        guard !isRunning else { return }
        isRunning = true
        Task { await run() }
    }

    private func run() async {
        while !jobs.isEmpty {
            jobs.removeAll { $0.ticket.hasLeft }
            let group = takeGroup()
            guard !group.isEmpty else { continue }
            do {
                try await draw(group)
            } catch is MongeError where group.count > 1 {
                // Whose fault it is shows when each is drawn by itself.
                jobs =
                    group.map { job in
                        var job = job
                        job.isAlone = true
                        return job
                    } + jobs
            } catch {
                for job in group { job.continuation.finish(throwing: error) }
            }
        }
        isRunning = false
    }

    /// The first request that waits, and those that can be drawn with it.
    private func takeGroup() -> [Job] {
        guard let first = jobs.first else { return [] }
        var group = [jobs.removeFirst()]
        var count = first.requests.count
        guard !first.isAlone else { return group }
        var rest: [Job] = []
        for job in jobs {
            let fits = !job.isAlone && job.options == first.options && count + job.requests.count <= first.options.batch
            if fits, (job.requests[0].initial == nil) == (first.requests[0].initial == nil) {
                count += job.requests.count
                group.append(job)
            } else {
                rest.append(job)
            }
        }
        jobs = rest
        return group
    }

    private func draw(_ group: [Job]) async throws {
        let requests = group.flatMap(\.requests)
        let options = group[0].options
        let (size, plan) = try model.checked(requests, options)
        let memory = try options.memory.map { budget in try turns { try model.memoryPlan(budget, size: size, requests: requests, options) }
        }
        defer { turns { memory?.end() } }
        let batch = max(memory?.batch ?? options.batch, 1)
        let chunks = stride(from: 0, to: requests.count, by: batch).map { $0..<min($0 + batch, requests.count) }
        // By picture: its request, and which of that request's it is.
        let owners = group.enumerated().flatMap { place, job in job.requests.indices.map { (job: place, index: $0) } }
        let total = chunks.count * plan.steps.count
        for (number, chunk) in chunks.enumerated() {
            let drawing = try turns {
                try Drawing(Array(requests[chunk]), size: size, plan: plan, options: options, memory: memory, model: model)
            }
            while true {
                guard group.contains(where: { !$0.ticket.hasLeft }) else { return }
                let goesOn = try turns { try drawing.step() }
                for job in group { job.continuation.yield(.progress(done: number * plan.steps.count + drawing.done, total: total)) }
                guard goesOn else { break }
                try show(drawing, chunk, owners, group)
                await Task.yield()
            }
            let pictures = try turns { try drawing.pictures() }
            for (place, picture) in zip(chunk, pictures) {
                group[owners[place].job].continuation.yield(.picture(index: owners[place].index, picture))
            }
        }
        for job in group { job.continuation.finish() }
    }

    /// Shows those pictures that are to be shown after the step that was just done.
    private func show(_ drawing: Drawing, _ chunk: Range<Int>, _ owners: [(job: Int, index: Int)], _ group: [Job]) throws {
        for (row, place) in chunk.enumerated() {
            let job = group[owners[place].job]
            // Evenly over the steps, none with the last.
            guard job.partials > 0, !job.ticket.hasLeft else { continue }
            let number = (1...job.partials).first { $0 * drawing.steps / (job.partials + 1) == drawing.done }
            guard let number else { continue }
            let picture = try turns { try drawing.picture(row) }
            job.continuation.yield(.partial(index: owners[place].index, number: number - 1, picture))
        }
    }
}
