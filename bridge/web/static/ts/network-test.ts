// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge } from "./bridge-api";
import { TestPublisher, type MediaAddress } from "./test-publisher";

export type Way = "udp" | "tcp" | "relay";
export type Verdict = "video" | "audio" | "blocked";

/** What one test saw; null is what this browser does not tell, or what did not come about. */
export interface Measured {
  way: Way | null;
  rttMs: number | null;
  /** Of the packets that were sent, 0 to 1. */
  loss: number | null;
  upKbps: number | null;
  /** Whether the media server's signalling could be reached at all. */
  signalling: boolean;
  server: string;
  media: MediaAddress | null;
}

const CONNECT_MS = 8_000;
/** Long enough for the browser's estimate of the way up to leave its start value. */
const MEASURE_MS = 3_000;
const LOOK_EVERY_MS = 250;

/** What people notice in a call: above these a picture comes, but nobody likes to look at it. */
const VIDEO_UP_KBPS = 300;
const VIDEO_LOSS = 0.08;
const VIDEO_RTT_MS = 500;

export function verdictOf({ way, rttMs, loss, upKbps }: Measured): Verdict {
  if (way === null) return "blocked";
  const good = (upKbps ?? Infinity) >= VIDEO_UP_KBPS && (loss ?? 0) <= VIDEO_LOSS && (rttMs ?? 0) <= VIDEO_RTT_MS;
  return good ? "video" : "audio";
}

/** Tries the way to our media server, once: what kind of connection there is, how fast, how lossy. */
export class NetworkTest {
  readonly #publisher = new TestPublisher();
  #stopped = false;

  /** Null where there was nothing to measure: stopped meanwhile, too many tests, or a bridge that does not answer. */
  async run(invite: string): Promise<Measured | null> {
    const ticket = await bridge.beginNetworkTest(invite).catch(() => null);
    if (!ticket || this.#stopped) return null;
    const seen: Measured = { way: null, rttMs: null, loss: null, upKbps: null, signalling: false, server: ticket.url, media: null };
    try {
      await Promise.race([this.#publisher.start(ticket.url, ticket.jwt), late(CONNECT_MS)]);
      seen.signalling = true;
      seen.media = this.#publisher.address;
      if (await this.#connects()) await this.#measure(seen);
    } catch {
      // What was seen so far says which part it was.
    } finally {
      this.#publisher.stop();
    }
    return this.#stopped ? null : seen;
  }

  /** Makes way for the call. */
  stop(): void {
    this.#stopped = true;
    this.#publisher.stop();
  }

  async #connects(): Promise<boolean> {
    const until = performance.now() + CONNECT_MS;
    while (performance.now() < until && !this.#stopped) {
      const state = this.#publisher.connection?.connectionState;
      if (state === "connected") return true;
      if (state === "failed" || state === "closed") return false;
      await pause(LOOK_EVERY_MS);
    }
    return false;
  }

  async #measure(seen: Measured): Promise<void> {
    const until = performance.now() + MEASURE_MS;
    while (performance.now() < until && !this.#stopped) {
      await pause(LOOK_EVERY_MS);
      await this.#look(seen);
    }
  }

  async #look(seen: Measured): Promise<void> {
    const reports: RTCStats[] = [];
    (await this.#publisher.connection?.getStats())?.forEach((report: RTCStats) => reports.push(report));
    const of = <T extends RTCStats>(type: string): T[] => reports.filter((report) => report.type === type) as T[];
    const chosen = of<RTCTransportStats>("transport")[0]?.selectedCandidatePairId;
    const pairs = of<RTCIceCandidatePairStats>("candidate-pair");
    // Firefox names no chosen pair.
    const pair = pairs.find(({ id }) => id === chosen) ?? pairs.find(({ state, nominated }) => nominated && state === "succeeded");
    const local = of<RTCStats & { protocol?: string; candidateType?: string }>("local-candidate").find(({ id }) => id === pair?.localCandidateId);
    if (pair && local) {
      seen.way = local.candidateType === "relay" ? "relay" : local.protocol === "tcp" ? "tcp" : "udp";
      seen.rttMs = pair.currentRoundTripTime === undefined ? seen.rttMs : pair.currentRoundTripTime * 1000;
      seen.upKbps = pair.availableOutgoingBitrate === undefined ? seen.upKbps : pair.availableOutgoingBitrate / 1000;
    }
    const heard = of<RTCStats & { fractionLost?: number; roundTripTime?: number }>("remote-inbound-rtp")[0];
    seen.loss = heard?.fractionLost ?? seen.loss;
    seen.rttMs = heard?.roundTripTime ? heard.roundTripTime * 1000 : seen.rttMs;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function late(milliseconds: number): Promise<never> {
  await pause(milliseconds);
  throw new Error("late");
}
