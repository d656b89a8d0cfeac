/** Texts as events of one kind, whether they are compared at strengths or there is a single one without maps. */

import { events } from "./sse.js";

/** A preview's events: `{index, text}`, `{index, movement}` and `{index, finish_reason, usage}`. */
export async function* written(body, signal) {
  if (body.steering.length) {
    yield* events("v1/steering/preview", body, signal);
    return;
  }
  // There is nothing to compare: the text is an ordinary completion.
  const { steering, strengths, movement, ...plain } = body;
  const path = plain.messages ? "v1/chat/completions" : "v1/completions";
  let reason = null;
  for await (const chunk of events(path, { ...plain, stream: true, stream_options: { include_usage: true } }, signal)) {
    const choice = chunk.choices[0];
    const text = choice?.text ?? choice?.delta?.content;
    if (text) yield { index: 0, text };
    reason = choice?.finish_reason ?? reason;
    // What was used comes in a chunk of its own, behind the last of the text.
    if (chunk.usage) yield { index: 0, finish_reason: reason, usage: chunk.usage };
  }
}
