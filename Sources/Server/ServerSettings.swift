import Foundation
import Monge

/// How a server is reached, and how much it takes on.
public struct ServerSettings: Sendable {
    public var host = "127.0.0.1"
    /// 0 for any that is free.
    public var port = 8080
    /// Those who may ask; empty for everybody.
    public var keys: [String] = []
    /// Files in PEM of the certificate, with those above it, and of its key; nil for plain HTTP.
    public var tls: (certificate: String, key: String)?
    /// The origins whose pages may ask from a browser, `*` for all; empty for the server's own alone.
    public var origins: [String] = []
    /// The most bytes of a body.
    public var bodyBytes = 16 << 20
    /// The most bytes of a map that is uploaded.
    public var mapBytes = 1 << 28
    /// The most bytes of all headers of a request.
    public var headerBytes = 32 << 10
    /// The most connections at a time.
    public var connections = 1024
    /// How long a connection may be without a byte while nothing is answered on it.
    public var idleSeconds = 75
    /// How long requests that are being served have to end after the signal to stop.
    public var drainSeconds = 30
    /// Whether prompts are written to the log.
    public var logsPrompts = false

    public init() {}
}
