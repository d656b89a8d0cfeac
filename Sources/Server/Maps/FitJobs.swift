import Foundation
import Monge
import Synchronization
import Transport

/// Fits that were asked for: one at a time of each model, with what is known of each.
final class FitJobs: Sendable {
    enum State: String, Encodable, Sendable { case waiting, running, done, failed, cancelled }

    /// What is told of a job.
    struct Job: Encodable, Sendable {
        struct Step: Encodable, Sendable {
            var activity: String
            var done: Int
            var total: Int
            var unit: String
        }

        var id: String
        let object = "job"
        let kind = "fit"
        var model: String
        var map: String
        var state = State.waiting
        var progress = Nullable<Step>(nil)
        var warnings: [String] = []
        var error = Nullable<String>(nil)
        var created: Int
    }

    /// What is to be fitted.
    struct Order: Sendable {
        var name: String
        var source: [String]
        var target: [String]
        /// By name; nil for the norms between the parts of the model.
        var sites: [String]?
        var options: FitOptions
    }

    private struct Entry {
        var number: Int
        var job: Job
        var isCancelled = false
    }

    private let maps: MapLibrary
    private let entries = Mutex([String: Entry]())

    /// Jobs that are remembered after their end.
    private static let remembered = 256
    private static let mostWaiting = 16

    init(maps: MapLibrary) { self.maps = maps }

    var jobs: [Job] { entries.withLock { $0.values.sorted { $0.number < $1.number }.map(\.job) } }

    func job(_ id: String) throws -> Job {
        guard let job = entries.withLock({ $0[id]?.job }) else {
            throw ServerError.notFound("there is no job '\(id.prefix(64))'; GET /v1/jobs lists those that there are", code: "job_not_found")
        }
        return job
    }

    /// Takes in a job.
    func begin(_ order: Order, by host: TextModelHost) throws -> Job {
        try maps.checkName(order.name)
        let id = "fit-\(UUID().uuidString.lowercased())"
        let job = Job(id: id, model: host.face.name, map: order.name, created: Int(Date().timeIntervalSince1970))
        try entries.withLock { entries in
            let open = entries.values.filter { [.waiting, .running].contains($0.job.state) }
            guard open.count < Self.mostWaiting else {
                throw ServerError(.tooManyRequests, "\(open.count) jobs wait already: ask again later", code: "queue_full", retryAfter: 10)
            }
            guard !open.contains(where: { $0.job.map == order.name }) else {
                throw ServerError(.conflict, "a job that is not done fits a map '\(order.name)'; choose another name, or cancel that job")
            }
            let ended = entries.values.filter { ![.waiting, .running].contains($0.job.state) }.sorted { $0.number < $1.number }
            for old in ended.dropLast(Self.remembered) { entries[old.job.id] = nil }
            // Those that are forgotten are not the last.
            let number = (entries.values.map(\.number).max() ?? 0) + 1
            entries[id] = Entry(number: number, job: job)
        }
        Task { await run(id, order, host) }
        return job
    }

    /// Ends a job; one that has ended already stays as it is.
    func cancel(_ id: String) throws -> Job {
        _ = try job(id)
        change(id) { entry in
            guard [.waiting, .running].contains(entry.job.state) else { return }
            entry.isCancelled = true
            if entry.job.state == .waiting { entry.job.state = .cancelled }
        }
        return try job(id)
    }

    private func change(_ id: String, _ change: (inout Entry) -> Void) {
        entries.withLock { entries in
            guard var entry = entries[id] else { return }
            change(&entry)
            entries[id] = entry
        }
    }

    private func isCancelled(_ id: String) -> Bool { entries.withLock { $0[id]?.isCancelled ?? true } }

    private func run(_ id: String, _ order: Order, _ host: TextModelHost) async {
        do {
            let map = try await host.perform { [self] model, pause in
                if isCancelled(id) { throw CancellationError() }
                change(id) { $0.job.state = .running }
                return try model.fit(
                    source: order.source, target: order.target,
                    sites: order.sites ?? model.defaultSites, options: order.options,
                    progress: { progress in
                        self.change(id) {
                            $0.job.progress = Nullable(
                                Job.Step(activity: progress.activity, done: progress.done, total: progress.total, unit: progress.unit))
                        }
                        if self.isCancelled(id) { throw CancellationError() }
                        pause()
                    }, warn: { warning in self.change(id) { $0.job.warnings.append(warning) } })
            }
            if isCancelled(id) { throw CancellationError() }
            _ = try maps.add(order.name, map)
            change(id) { $0.job.state = .done }
        } catch is CancellationError {
            change(id) { $0.job.state = .cancelled }
        } catch {
            change(id) { entry in
                entry.job.state = .failed
                entry.job.error = Nullable(ServerError(error).message)
            }
        }
    }
}
