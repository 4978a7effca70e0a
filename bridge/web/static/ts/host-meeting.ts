// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { element, setHidden } from "./dom";
import type { Meeting } from "./session";
import { service, t } from "./strings";

/** The head of the hosts' page: which meeting this is, and how it stands. */
export class HostMeeting {
  show(snapshot: unknown): void {
    const { title, state, cancelled, locked } = snapshot as Meeting;
    const heading = element("host-title");
    const first = heading.textContent === "";
    heading.textContent = title;
    document.title = `${title} · ${service}`;
    if (first) heading.focus();
    element("host-state").textContent = t(`meeting_state_${cancelled ? "cancelled" : state}`);
    setHidden("host-locked", !locked);
  }
}
