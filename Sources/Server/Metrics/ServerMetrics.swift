import Foundation
import Metrics
import Monge

/// What the server counts.
final class ServerMetrics: Sendable {
    private let registry = PrometheusRegistry(help: [
        "monge_http_requests_total": "Requests by path, method and status; 499 where the client left.",
        "monge_http_request_seconds": "From the head of a request to the end of its answer.",
        "monge_prompt_tokens_total": "Tokens of prompts, of texts that ended.",
        "monge_generated_tokens_total": "Tokens that were added, of texts that ended.",
        "monge_time_to_first_token_seconds": "From a request to the first of its text.",
        "monge_texts_waiting": "Texts that wait for a place in the batch.",
        "monge_texts_served": "Texts that are being continued.",
        "monge_requests_served": "Requests that are being answered.",
        "monge_pictures_total": "Pictures that were drawn.",
        "monge_maps": "Maps that requests can name.",
        "monge_device_available": "Whether a model's device is there.",
        "process_resident_memory_bytes": "Resident memory of the process.",
        "process_start_time_seconds": "When the process began, in seconds since 1970.",
    ])

    func answered(path: String, method: String, status: Int, after duration: Duration) {
        Counter(
            label: "monge_http_requests_total", dimensions: [("path", path), ("method", method), ("status", "\(status)")], factory: registry
        ).increment()
        Timer(label: "monge_http_request_seconds", dimensions: [("path", path)], factory: registry).record(duration: duration)
    }

    func firstToken(after duration: Duration, model: String) {
        Timer(label: "monge_time_to_first_token_seconds", dimensions: [("model", model)], factory: registry).record(duration: duration)
    }

    func count(promptTokens: Int, generated: Int, model: String) {
        Counter(label: "monge_prompt_tokens_total", dimensions: [("model", model)], factory: registry).increment(by: promptTokens)
        Counter(label: "monge_generated_tokens_total", dimensions: [("model", model)], factory: registry).increment(by: generated)
    }

    func count(pictures: Int, model: String) {
        Counter(label: "monge_pictures_total", dimensions: [("model", model)], factory: registry).increment(by: pictures)
    }

    /// Everything, with what is as it is now.
    func text(_ server: ServerState) async -> String {
        for host in server.texts {
            let load = await host.load
            gauge("monge_texts_waiting", host.face.name, Double(load.waiting))
            gauge("monge_texts_served", host.face.name, Double(load.served))
            gauge("monge_device_available", host.face.name, load.isThere ? 1 : 0)
        }
        Meter(label: "monge_requests_served", factory: registry).set(server.count)
        Meter(label: "monge_maps", factory: registry).set(server.maps.entries.count)
        Meter(label: "process_resident_memory_bytes", factory: registry).set(ProcessMemory.residentBytes)
        Meter(label: "process_start_time_seconds", factory: registry).set(server.began.timeIntervalSince1970)
        return registry.text
    }

    private func gauge(_ name: String, _ model: String, _ value: Double) {
        Meter(label: name, dimensions: [("model", model)], factory: registry).set(value)
    }
}
