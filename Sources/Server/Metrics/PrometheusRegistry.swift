import CoreMetrics
import Foundation
import Synchronization

/// Keeps what swift-metrics is told and writes it in Prometheus' text format (exposition format 0.0.4).
///
/// Counters are counters, meters and plain recorders gauges, timers histograms in seconds, aggregating recorders histograms of their values.
final class PrometheusRegistry: MetricsFactory {
    /// A metric with its labels.
    private struct Key: Hashable {
        var name: String
        var labels: [[String]]
    }

    private enum Kind: String { case counter, gauge, histogram }

    private struct Family {
        var kind: Kind
        var series: [Key: any PrometheusSeries] = [:]
    }

    private let families = Mutex([String: Family]())
    private let help: [String: String]

    /// Series of one metric that are kept: more come of labels that clients choose, and are not told apart.
    private static let mostSeries = 1024

    /// - Parameter help: What each metric is, by its name.
    init(help: [String: String]) { self.help = help }

    private func series<Series: PrometheusSeries>(
        _ name: String, _ kind: Kind, _ dimensions: [(String, String)], make: () -> Series
    ) -> Series {
        families.withLock { families in
            let key = Key(name: name, labels: dimensions.map { [$0.0, $0.1] })
            if let known = families[name]?.series[key] as? Series { return known }
            let new = make()
            if families[name] == nil { families[name] = Family(kind: kind) }
            if families[name]!.kind == kind, families[name]!.series.count < Self.mostSeries { families[name]!.series[key] = new }
            return new
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, .counter, dimensions) { PrometheusCounter() }
    }

    func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        series(label, .counter, dimensions) { PrometheusCounter() }
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, .gauge, dimensions) { PrometheusGauge() }
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate
            ? series(label, .histogram, dimensions) { PrometheusHistogram(bounds: PrometheusHistogram.powers) }
            : series(label, .gauge, dimensions) { PrometheusGauge() }
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, .histogram, dimensions) { PrometheusHistogram(bounds: PrometheusHistogram.seconds) }
    }

    func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func remove(_ handler: AnyObject) {
        families.withLock { families in
            for name in families.keys { families[name]!.series = families[name]!.series.filter { $0.value !== handler } }
        }
    }

    /// Everything, in the order of names and labels.
    var text: String {
        let families = families.withLock { $0 }
        var lines: [String] = []
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            if let help = help[name] { lines.append("# HELP \(name) \(help)") }
            lines.append("# TYPE \(name) \(family.kind.rawValue)")
            for (key, series) in family.series.sorted(by: { Self.text($0.key.labels) < Self.text($1.key.labels) }) {
                for (suffix, label, value) in series.samples {
                    lines.append("\(name)\(suffix)\(Self.text(key.labels + (label.map { [$0] } ?? []))) \(value)")
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(_ labels: [[String]]) -> String {
        guard !labels.isEmpty else { return "" }
        let parts = labels.map { label in
            let value = label[1].replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(label[0])=\"\(value)\""
        }
        return "{\(parts.joined(separator: ","))}"
    }
}

/// One series of a metric: what it is written as.
private protocol PrometheusSeries: AnyObject, Sendable {
    var samples: [(suffix: String, label: [String]?, value: String)] { get }
}

private final class PrometheusCounter: CounterHandler, FloatingPointCounterHandler, PrometheusSeries {
    private let value = Mutex(0.0)

    func increment(by amount: Int64) { value.withLock { $0 += Double(amount) } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func reset() { value.withLock { $0 = 0 } }

    var samples: [(suffix: String, label: [String]?, value: String)] { [("", nil, "\(value.withLock { $0 })")] }
}

private final class PrometheusGauge: MeterHandler, RecorderHandler, PrometheusSeries {
    private let value = Mutex(0.0)

    func set(_ new: Int64) { value.withLock { $0 = Double(new) } }
    func set(_ new: Double) { value.withLock { $0 = new } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ new: Int64) { set(new) }
    func record(_ new: Double) { set(new) }

    var samples: [(suffix: String, label: [String]?, value: String)] { [("", nil, "\(value.withLock { $0 })")] }
}

private final class PrometheusHistogram: RecorderHandler, TimerHandler, PrometheusSeries {
    static let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
    static let powers = (0..<18).map { Double(1 << $0) }

    private let bounds: [Double]
    private let state: Mutex<(counts: [Int], sum: Double)>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(([Int](repeating: 0, count: bounds.count + 1), 0))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        let place = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[place] += 1
            state.sum += value
        }
    }

    var samples: [(suffix: String, label: [String]?, value: String)] {
        let (counts, sum) = state.withLock { $0 }
        var samples: [(suffix: String, label: [String]?, value: String)] = []
        var total = 0
        for (bound, count) in zip(bounds.map { "\($0)" } + ["+Inf"], counts) {
            total += count
            samples.append(("_bucket", ["le", bound], "\(total)"))
        }
        return samples + [("_sum", nil, "\(sum)"), ("_count", nil, "\(total)")]
    }
}
