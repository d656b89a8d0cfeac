import Foundation
import Models
import Tensors

/// Runs several forward passes side by side, from site to site: every pass stops at a site until all have reached it.
///
/// This is what makes causal estimation cost one pass: at each site all calibration batches have arrived, the map is fitted and
/// applied, and they go on. Each pass runs on its own thread, so that model code stays plain; exactly one of them runs at any time
/// (control is handed over by semaphores), so that nothing needs a lock and the backend sees one caller.
final class Lockstep: @unchecked Sendable {
    /// What a pass waits for at a site.
    private enum Answer {
        case goOn(TransportApplication?)
        case end
    }

    private final class Pass: @unchecked Sendable {
        let turn = DispatchSemaphore(value: 0)
        /// The site where the pass stopped; nil when it is over.
        var site: Site?
        var isOver = false
        var error: (any Error)?
    }

    private let control = DispatchSemaphore(value: 0)
    private var passes: [Pass] = []
    private var answer = Answer.goOn(nil)

    /// Runs `count` passes.
    ///
    /// - Parameters:
    ///   - body: Runs pass `index`; hands every tapped activation to `stop`, which observes it and returns the map to apply.
    ///   - observe: Called as each pass reaches a site.
    ///   - decide: Called once a site when all passes have reached it; returns the map that all of them apply, or
    ///     `ends: true` when nothing after this site is wanted.
    func run(
        count: Int,
        body: @escaping (_ index: Int, _ tap: @escaping ForwardContext.Tap) throws -> Void,
        observe: @escaping (_ index: Int, _ site: Site, _ activation: Tensor) throws -> Void,
        decide: (_ site: Site) throws -> (map: TransportApplication?, ends: Bool)
    ) throws {
        passes = (0..<count).map { _ in Pass() }
        for index in 0..<count {
            start(passes[index]) { [unowned self] in
                try body(index) { site, activation in
                    try observe(index, site, activation)
                    return try self.stop(self.passes[index], at: site)
                }
            }
        }
        do {
            while true {
                for pass in passes where !pass.isOver { try resume(pass) }
                let waiting = passes.filter { !$0.isOver }
                guard let site = waiting.first?.site else { return }
                precondition(waiting.count == count && waiting.allSatisfy { $0.site == site }, "all passes visit the same sites")
                let decision = try decide(site)
                answer = decision.ends ? .end : .goOn(decision.map)
            }
        } catch {
            // Let every thread finish before its closures go away.
            answer = .end
            for pass in passes {
                while !pass.isOver { try? resume(pass) }
            }
            throw error
        }
    }

    /// Gives the pass its turn until it stops at a site or is over.
    private func resume(_ pass: Pass) throws {
        pass.turn.signal()
        control.wait()
        if let error = pass.error {
            pass.error = nil
            throw error
        }
    }

    private func start(_ pass: Pass, _ body: @escaping () throws -> Void) {
        nonisolated(unsafe) let body = body
        let thread = Thread { [self] in
            pass.turn.wait()
            do { try body() } catch is ForwardPassEnded {} catch { pass.error = error }
            pass.isOver = true
            control.signal()
        }
        thread.stackSize = 1 << 22
        thread.start()
    }

    private func stop(_ pass: Pass, at site: Site) throws -> TransportApplication? {
        pass.site = site
        control.signal()
        pass.turn.wait()
        switch answer {
        case .goOn(let map): return map
        case .end: throw ForwardPassEnded()
        }
    }
}
