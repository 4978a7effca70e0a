// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { AccessList } from "./access-list";
import { type AccessPage, bridge } from "./bridge-api";
import type { Host } from "./host";

const KINDS = ["link", "guest", "partners"] as const;

/** What lets people into this meeting, and how its hosts end it. */
export class HostAccess {
  readonly #lists: Record<(typeof KINDS)[number], AccessList>;

  constructor({ session, meetingId }: Host) {
    const made = KINDS.map((kind) => {
      const load = (after: string) => bridge.accessOf(session.token, meetingId, kind, after);
      return [kind, new AccessList(kind, session.token, load)];
    });
    this.#lists = Object.fromEntries(made) as Record<(typeof KINDS)[number], AccessList>;
  }

  show(snapshot: unknown): void {
    const pages = snapshot as Record<(typeof KINDS)[number], AccessPage>;
    for (const kind of KINDS) this.#lists[kind].show(pages[kind]);
  }
}
