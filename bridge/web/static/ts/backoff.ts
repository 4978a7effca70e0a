// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Waits that double up to half a minute, with a random half so that many pages do not come back at once. */
export class Backoff {
  #next = FIRST_MS;

  reset(): void {
    this.#next = FIRST_MS;
  }

  /** Resolves after the next wait, or at once when the signal aborts or the browser is online again. */
  async wait(signal: AbortSignal): Promise<void> {
    const delay = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(this.#next * 2, LONGEST_MS);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        window.removeEventListener("online", done);
        resolve();
      };
      const timer = setTimeout(done, delay);
      signal.addEventListener("abort", done);
      window.addEventListener("online", done);
    });
  }
}
