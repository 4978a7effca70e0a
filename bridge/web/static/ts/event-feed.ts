// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { Backoff } from "./backoff";
import { EventStreamParser } from "./event-stream";

/** The server says something (a comment at least) more often than this, or the connection is dead. */
const SILENCE_MS = 60_000;
/** These answers will not change by asking again. */
const DENIED = [401, 403, 404, 410];

export interface EventListener {
  onEvent(name: string, data: string): void;
  onConnection(connected: boolean): void;
  onDenied(status: number): void;
}

/**
 * Follows one server-sent stream until stopped, and comes back to it whenever it breaks. By fetch and not by
 * EventSource, which cannot send our bearer token and would put it into the address instead.
 */
export class EventFeed {
  readonly #stop = new AbortController();

  constructor(
    readonly path: string,
    readonly token: string | null,
    readonly listener: EventListener,
  ) {}

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const backoff = new Backoff();
    while (!this.#stop.signal.aborted) {
      try {
        const denied = await this.#read(backoff);
        if (denied !== null) {
          this.listener.onDenied(denied);
          return;
        }
      } catch {
        // An outage looks the same whatever its cause: we say so, wait, and come back.
      }
      if (this.#stop.signal.aborted) return;
      this.listener.onConnection(false);
      await backoff.wait(this.#stop.signal);
    }
  }

  /** The status with which this person may not read; null, or an error, when the connection ends. */
  async #read(backoff: Backoff): Promise<number | null> {
    const silence = new AbortController();
    let alarm = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const headers = { Accept: "text/event-stream", ...(this.token === null ? {} : { Authorization: `Bearer ${this.token}` }) };
      const response = await fetch(this.path, {
        headers,
        signal: AbortSignal.any([this.#stop.signal, silence.signal]),
        cache: "no-store",
      });
      if (DENIED.includes(response.status)) return response.status;
      if (!response.ok || !response.body) return null;
      this.listener.onConnection(true);
      const parser = new EventStreamParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return null;
        clearTimeout(alarm);
        alarm = setTimeout(() => silence.abort(), SILENCE_MS);
        backoff.reset();
        for (const { event, data } of parser.feed(value)) this.listener.onEvent(event, data);
      }
    } finally {
      clearTimeout(alarm);
    }
  }
}
