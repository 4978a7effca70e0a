// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { element, setHidden, setNote } from "./dom";
import { type Measured, NetworkTest, type Verdict, verdictOf } from "./network-test";
import { t } from "./strings";

const VERDICTS: Record<Verdict, string> = { video: "network_video", audio: "network_audio", blocked: "network_blocked" };
const WAYS = { udp: "network_way_udp", tcp: "network_way_tcp", relay: "network_way_relay" } as const;

/** The connection's part of the check before a call: it runs by itself, and nobody has to wait for it. */
export class NetworkCheck {
  readonly #test = new NetworkTest();

  /** Tests and says what came out; says nothing where nothing could be tested. */
  async run(invite: string): Promise<void> {
    setHidden("network", false);
    element("network-verdict").textContent = t("network_testing");
    const seen = await this.#test.run(invite);
    if (!seen) {
      setHidden("network", true);
      return;
    }
    const verdict = verdictOf(seen);
    element("network").dataset["verdict"] = verdict;
    element("network-verdict").textContent = t(VERDICTS[verdict]);
    setNote("network-way", seen.way === null ? null : t(WAYS[seen.way], { ms: Math.max(1, Math.round(seen.rttMs ?? 0)) }));
    setNote("network-advice", advice(seen, verdict));
  }

  stop(): void {
    this.#test.stop();
  }
}

/** What the people who run this network can do, in a sentence to send to them; null where nothing needs doing. */
function advice({ way, signalling, server, media }: Measured, verdict: Verdict): string | null {
  if (!signalling) return t("network_ask_signalling", { server: new URL(server).host });
  if (way === "udp" || !media?.udp) return verdict === "audio" ? t("network_ask_nobody") : null;
  if (way !== null) return t("network_ask_udp", { host: media.host, port: media.udp });
  return media.tcp === null
    ? t("network_ask_udp", { host: media.host, port: media.udp })
    : t("network_ask_either", { host: media.host, port: media.udp, tcp: media.tcp });
}
