// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { Backoff } from "./backoff";
import type { Segment, Translation } from "./captions-model";
import { EventStreamParser } from "./event-stream";

/** The server says something (a comment at least) more often than this, or the connection is dead. */
const SILENCE_MS = 60_000;

export interface FeedListener {
  onSegment(segment: Segment): void;
  onTranslation(translation: Translation): void;
  /** What was said before has come; now comes what is said. */
  onLive(): void;
  onConnection(connected: boolean): void;
  onDenied(): void;
}

/**
 * Reads a meeting's captions until stopped. By fetch and not by EventSource, which cannot send our bearer token
 * and would put it into the address instead.
 */
export class CaptionsFeed {
  readonly #stop = new AbortController();

  constructor(
    readonly meetingId: string,
    readonly token: string,
    readonly listener: FeedListener,
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
        if (!(await this.#read(backoff))) {
          this.listener.onDenied();
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

  /** False when this person may not read the captions; returns or throws when the connection ends. */
  async #read(backoff: Backoff): Promise<boolean> {
    const silence = new AbortController();
    let alarm = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const response = await fetch(`/api/v1/meetings/${encodeURIComponent(this.meetingId)}/captions`, {
        headers: { Authorization: `Bearer ${this.token}`, Accept: "text/event-stream" },
        signal: AbortSignal.any([this.#stop.signal, silence.signal]),
        cache: "no-store",
      });
      if ([401, 403, 404].includes(response.status)) return false;
      if (!response.ok || !response.body) return true;
      this.listener.onConnection(true);
      const parser = new EventStreamParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return true;
        clearTimeout(alarm);
        alarm = setTimeout(() => silence.abort(), SILENCE_MS);
        backoff.reset();
        for (const { event, data } of parser.feed(value)) {
          if (event === "segment") this.listener.onSegment(JSON.parse(data) as Segment);
          if (event === "live") this.listener.onLive();
          if (event === "translation") this.listener.onTranslation(JSON.parse(data) as Translation);
        }
      }
    } finally {
      clearTimeout(alarm);
    }
  }
}
