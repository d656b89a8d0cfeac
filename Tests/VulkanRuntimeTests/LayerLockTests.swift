import Foundation
import Testing
import VulkanRuntime

@Suite struct LayerLockTests {
    /// In a process of its own, in which nobody else has devices.
    @Test func devicesAreOpenedAndClosedApartFromCalls() async {
        await #expect(processExitsWith: .success) {
            nonisolated(unsafe) var tests: [TestDevice] = []
            /// Whether the lock is asked for by what another thread does, while a call is under way.
            func takesTheLock(_ body: @escaping @Sendable () throws -> Void) -> Bool {
                let hasEnded = DispatchSemaphore(value: 0)
                let isTaken = LayerLock.shared.call {
                    Thread {
                        do { try body() } catch { fatalError("\(error)") }
                        hasEnded.signal()
                    }.start()
                    while LayerLock.shared.openers == 0 {
                        if hasEnded.wait(timeout: .now() + .milliseconds(1)) == .success { return false }
                    }
                    return true
                }
                if isTaken { hasEnded.wait() }
                return isTaken
            }
            try #require(takesTheLock { tests.append(try TestDevice()) })
            try #require(takesTheLock { tests.removeAll() })
            try #require(!takesTheLock { try TestDevice { $0.validation = false }.device.stream.synchronize() })
        }
    }

    /// In a process of its own: what the lock guards then leads to a driver.
    @Test func everyFunctionTakesTheLock() async {
        await #expect(processExitsWith: .success) {
            var functions: DeviceFunctions?
            var options = DeviceOptions()
            options.pipelineCacheFolder = nil
            _ = try Device(index: TestDevice.index(), options: options) { functions = $0 }
            let own = try #require(functions)
            func addresses(_ functions: DeviceFunctions) -> [UInt] {
                withUnsafeBytes(of: functions) { Array($0.bindMemory(to: UInt.self)) }
            }
            let (plain, guarded) = (addresses(own), addresses(LayerLock.guarding(own)))
            let same = plain.indices.filter { plain[$0] == guarded[$0] }
            try #require(plain.count > 40 && same.map { plain[$0] } == [unsafeBitCast(own.destroyDevice, to: UInt.self)])
        }
    }

    @Test func openingIsApartFromCalls() {
        let lock = LayerLock()
        nonisolated(unsafe) var (callers, isOpening, clashes) = (0, false, 0)
        let counts = NSLock()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for turn in 0..<200 {
                if (thread + turn) % 5 == 0 {
                    lock.open {
                        counts.withLock {
                            if callers > 0 || isOpening { clashes += 1 }
                            isOpening = true
                        }
                        sched_yield()
                        counts.withLock { isOpening = false }
                    }
                } else {
                    lock.call {
                        counts.withLock {
                            if isOpening { clashes += 1 }
                            callers += 1
                        }
                        sched_yield()
                        counts.withLock { callers -= 1 }
                    }
                }
            }
        }
        #expect(clashes == 0 && callers == 0)
    }

    @Test func callsDoNotWaitForOneAnother() {
        let lock = LayerLock()
        let hasCalled = DispatchSemaphore(value: 0)
        lock.call {
            Thread { lock.call { _ = hasCalled.signal() } }.start()
            #expect(hasCalled.wait(timeout: .now() + 60) == .success)
        }
    }
}
