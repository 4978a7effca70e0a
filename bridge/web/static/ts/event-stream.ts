// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

export interface ServerSentEvent {
  event: string;
  data: string;
}

/** stops: a server that never ends a line from filling the page's memory. */
const MAX_BUFFER = 1 << 20;

/** Cuts a stream of text into server-sent events (WHATWG HTML, 9.2.6); comments and ids are left out. */
export class EventStreamParser {
  #buffer = "";
  #event = "";
  #data: string[] = [];

  feed(chunk: string): ServerSentEvent[] {
    this.#buffer += chunk;
    if (this.#buffer.length > MAX_BUFFER) throw new Error("a line of the event stream is too long");
    const events: ServerSentEvent[] = [];
    // A CR at the very end may be the first half of a CRLF: it waits for the next chunk.
    const lines = this.#buffer.split(/\r\n|\n|\r(?!$)/);
    this.#buffer = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length) events.push({ event: this.#event || "message", data: this.#data.join("\n") });
        this.#event = "";
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") this.#event = value;
      if (field === "data") this.#data.push(value);
    }
    return events;
  }
}
