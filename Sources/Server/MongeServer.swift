import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import Monge
import NIOCore
import NIOSSL
import ServiceLifecycle

/// Steered inference over HTTP: an interface that clients of OpenAI's use, maps and strengths in each request, and a page to play with.
///
/// ```swift
/// var options = ServedModelOptions { try DeviceChoice.automatic.open(precision: .fast) }
/// let server = try MongeServer(models: [ServedModel("smollm2")], maps: [], folder: folder, settings: ServerSettings(), options: options)
/// try await server.run { port in print("http://127.0.0.1:\(port)") }
/// ```
public final class MongeServer: Sendable {
    private let state: ServerState
    private let settings: ServerSettings
    private let tls: TLSConfiguration?

    /// Opens models and maps.
    ///
    /// - Parameters:
    ///   - maps: Maps by name, from files anywhere, which stay as they are.
    ///   - folder: The maps that can be added to and taken from.
    ///   - log: The level of messages on standard error.
    /// - Throws: ``MongeError`` and what files and devices say.
    public init(
        models: [ServedModel], maps: [(name: String, file: String)], folder: URL, settings: ServerSettings, options: ServedModelOptions,
        log: Logger.Level = .info
    ) throws {
        let logger = Logger(label: "monge") { _ in JSONLogHandler(logLevel: log) }
        tls = try settings.tls.map { try Self.tls(certificate: $0.certificate, key: $0.key) }
        let library = try MapLibrary(folder: folder, fixed: maps) { logger.warning("\($0)") }
        state = ServerState(
            settings: settings, models: try ServedModels(models, options: options, logger: logger), maps: library, metrics: ServerMetrics(),
            logger: logger)
        self.settings = settings
    }

    private static func tls(certificate: String, key: String) throws -> TLSConfiguration {
        func failure(_ file: String, _ error: any Error) -> MongeError { .usage("\(file) cannot be used for TLS: \(error)") }
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch { throw failure(certificate, error) }
        guard !chain.isEmpty else { throw MongeError.usage("\(certificate) has no certificate in PEM") }
        do {
            let key = try NIOSSLPrivateKey(file: key, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            // A key that is another certificate's is found here, and not by the first who asks.
            _ = try NIOSSLContext(configuration: configuration)
            return configuration
        } catch {
            throw failure(key, error)
        }
    }

    /// Serves until SIGTERM or SIGINT; what is being answered then is answered to its end, as far as the time for that goes.
    /// - Parameter onReady: Told the port when requests can come.
    /// - Throws: ``MongeError`` when the address cannot be listened at.
    public func run(onReady: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
        for host in state.texts { try await host.warmUp() }
        let application = try application(onReady: onReady)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                // Ended from the last to the first: requests are waited for before the connections are closed.
                services: ([application, Drain(state: state)] as [any Service]).map {
                    .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: state.logger))
        do {
            try await group.run()
        } catch let error as IOError {
            throw MongeError.failed(
                "\(settings.host):\(settings.port) cannot be listened at (\(String(cString: strerror(error.errnoCode)))); --port 0 takes a port that is free"
            )
        }
    }

    /// Waits for requests when the signal to stop has come.
    private struct Drain: Service {
        let state: ServerState

        func run() async throws {
            try? await gracefulShutdown()
            await state.drain()
        }
    }

    private func application(onReady: @escaping @Sendable (Int) async -> Void) throws -> some ApplicationProtocol {
        var http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionHandler()], idleTimeout: .seconds(Int64(settings.idleSeconds)))
        http.httpDecoder.maxHeaderFieldSize = settings.headerBytes
        http.httpDecoder.maxHeaderListSize = settings.headerBytes
        http.httpDecoder.maxHeaderFieldCount = 128
        let plain = HTTPServerBuilder.http1(configuration: http)
        // The server writes lines of its own.
        let quiet = Logger(label: "monge.http") { _ in JSONLogHandler(logLevel: .critical) }
        return Application(
            router: ServerRoutes(server: state).router(), server: try tls.map { try .tls(plain, tlsConfiguration: $0) } ?? plain,
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: nil, backlog: 1024, reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(settings.connections)),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? 0) }, logger: quiet)
    }
}
