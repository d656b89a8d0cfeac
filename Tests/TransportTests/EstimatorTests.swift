import Foundation
import Testing
import Transport

@Suite struct EstimatorTests {
    @Test func namesAreReadInAnyCase() {
        for estimator in Estimator.allCases { #expect(Estimator(name: estimator.rawValue.uppercased()) == estimator) }
        #expect(Estimator(name: "diff-mean") == .caa && Estimator(name: "iti-mass-mean") == .itiMassMean)
        #expect(Estimator(name: "lineas") == nil)
    }

    /// The eigenvector of a matrix that is known: rows s_k·v_k of orthonormal v have DᵀD = Σ s_k² v_k v_kᵀ.
    @Test func theLeadingDirectionIsFound() {
        let count = 40
        let sizes = (0..<count).map { 10 * pow(0.97, Double($0)) }
        // Rows of a Hadamard-like orthonormal basis: the cosine basis.
        func basis(_ k: Int, _ j: Int) -> Double {
            let scale = (k == 0 ? 1.0 : 2.0) / Double(count)
            return scale.squareRoot() * cos(.pi * Double(k) * (Double(j) + 0.5) / Double(count))
        }
        let rows = (0..<count).flatMap { k in (0..<count).map { Float(sizes[k] * basis(k, $0)) } }
        let direction = PrincipalDirection.of(Samples(rows, width: count, columns: 0..<count))
        let alignment = abs((0..<count).reduce(0) { $0 + direction[$1] * basis(0, $1) })
        // The rows are rounded to single precision.
        #expect(alignment > 1 - 1e-10)
    }

    @Test func directionsOfNothingAreZero() {
        #expect(PrincipalDirection.of(Samples([0, 0, 0, 0], width: 2, columns: 0..<2)) == [0, 0])
        #expect(PrincipalDirection.of(Samples([3, 4], width: 2, columns: 0..<2)).map(abs).reduce(0, +) > 1.39)
        let map = AffineMap.representationEngineering(source: [1, 2], target: [4, 6], channels: 2)
        #expect(abs(map.beta[0] - 3) < 1e-6 && abs(map.beta[1] - 4) < 1e-6)
    }

    @Test func theBestUnitsOfAllSitesAct() {
        func candidate(_ name: String, _ scores: [Double]) -> UnitSelection.Candidate {
            .init(
                site: TransportMap.Site(name: name, map: .adding([1, 2, 3, 4]), deadNeurons: 0), scores: scores)
        }
        let sites = UnitSelection.best(2, of: [candidate("x", [0.5, 0.9]), candidate("y", [0.4, 0.3]), candidate("z", [0.9, 0.9])])
        #expect(sites.map(\.name) == ["x", "z"])
        #expect(sites[0].map.beta == [0, 0, 3, 4] && sites[1].map.beta == [1, 2, 0, 0])
        #expect(sites[0].map.low[0] == .infinity && sites[0].map.low[2] == -.infinity)
    }
}
