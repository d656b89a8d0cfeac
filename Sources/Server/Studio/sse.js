/** Server-sent events of an answer to POST, which the browser's EventSource cannot ask for. */

import { request, Refusal, Unreachable } from "./api.js";

/**
 * The events of a stream, each `data` as JSON, until `[DONE]`.
 * @throws {Refusal} where the server tells of a failure in the stream, {@link Unreachable} where it ends before its end.
 */
export async function* events(path, json, signal) {
  const response = await request(path, { method: "POST", json, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error) => {
        if (error.name === "AbortError") throw error;
        throw new Unreachable();
      });
      if (done) throw new Error("The connection ended before the answer was whole.");
      const lines = (rest + value).split(/\r\n|\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
        if (line !== "" || !data.length) continue;
        const text = data.join("\n");
        data = [];
        if (text === "[DONE]") return;
        const event = JSON.parse(text);
        if (event.error) throw new Refusal(response.status, event.error);
        yield event;
      }
    }
  } finally {
    // Whoever stops listening lets the server stop, too.
    reader.cancel().catch(() => {});
  }
}
