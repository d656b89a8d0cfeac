import Benchmarks
import Foundation
import Testing

@Suite struct KernelReportPageTests {
    /// The page works from a file on a machine without a network.
    @Test func thePageAsksForNothing() throws {
        let html = try KernelReportPage(MeasuredReport.small).html()
        #expect(html.hasPrefix("<!doctype html>") && html.hasSuffix("</html>\n"))
        for source in ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
            #expect(!html.contains(source), "\(source)")
        }
        // The icon is an empty one in place; no other link is there, and the only address names the language of drawings.
        #expect(html.components(separatedBy: "href=").count == 2 && html.contains(#"href="data:,""#))
        #expect(html.components(separatedBy: "://").count == 2 && html.contains("http://www.w3.org/2000/svg"))
        #expect(!html.contains("{{"), "every place of the template is filled")
    }

    @Test func thePageHoldsTheReport() throws {
        var report = MeasuredReport.small
        report.device.name = "</script> & {{data}}"
        let html = try KernelReportPage(report).html()
        #expect(html.contains("<h1>&lt;/script&gt; &amp; {{data}}</h1>"))
        let start = try #require(html.range(of: #"<script id="data" type="application/json">"#))
        let end = try #require(html.range(of: "</script>", range: start.upperBound..<html.endIndex))
        let data = Data(html[start.upperBound..<end.lowerBound].utf8)
        let decoded = try JSONDecoder().decode(KernelReport.self, from: data)
        #expect(try decoded.json() == report.json())
    }
}
