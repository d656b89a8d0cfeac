import Models
import Tensors

extension SteerableModel {
    /// The first site, in the order of a pass, whose activation holds a NaN or an infinity; nil when the pass comes to its end.
    ///
    /// Every activation is read back: this is for finding out why a result is not finite.
    /// - Parameters:
    ///   - transports: The maps in place; a steered site's activation is looked at after its maps.
    ///   - pass: Runs in the context that it is given.
    func firstNonFiniteSite(_ transports: [[TransportApplication]], in pass: (ForwardContext) throws -> Void) throws -> Site? {
        var found: Site?
        let context = ForwardContext(
            backend: backend, transports: transports, tapped: sites.map(\.index), siteCount: sites.count
        ) { site, activation in
            guard try !self.backend.readFloats(activation).isFinite else { return }
            found = site
            throw ForwardPassEnded()
        }
        do { try pass(context) } catch is ForwardPassEnded {}
        return found
    }
}
