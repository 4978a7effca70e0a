// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, explain, type OwnSession } from "./bridge-api";
import { dayAndTime } from "./clock";
import { element, row, rowButton, setHidden, setNote, whileBusy } from "./dom";
import type { Session } from "./session";
import { signOutEverywhere } from "./staff-session";
import { t } from "./strings";

/** Where somebody is signed in: each session but this one with a button to end it, and buttons for all of them. */
export class OwnSessions {
  constructor(readonly session: Session) {
    this.#onClick("own-sessions-others", async () => {
      const { ended } = await bridge.endOtherSessions(session.token);
      await this.#ended(t("sessions_ended", { count: ended }));
    });
    this.#onClick("own-sessions-all", async () => {
      if (confirm(t("sign_out_sure"))) await signOutEverywhere(session);
    });
  }

  async start(): Promise<void> {
    const { sessions } = await bridge.ownSessions(this.session.token);
    element("own-sessions-list").replaceChildren(...sessions.map((one) => this.#row(one)));
    setHidden("own-sessions-others", sessions.length < 2);
  }

  #row({ id, browser, seen_at, current }: OwnSession): HTMLLIElement {
    const named = { browser: browser || t("session_unknown"), since: dayAndTime.format(new Date(seen_at)) };
    if (current) return row(t("session_current", named));
    const end = rowButton(t("session_end"), t("session_end_named", named), () =>
      this.#saying(async () => {
        await bridge.endSession(this.session.token, id);
        await this.#ended(t("session_ended"));
      }),
    );
    return row(t("session_seen", named), end);
  }

  #onClick(id: string, action: () => Promise<void>): void {
    const button = element<HTMLButtonElement>(id);
    button.addEventListener("click", () => void whileBusy(button, () => this.#saying(action)));
  }

  async #ended(said: string): Promise<void> {
    await this.start();
    setNote("own-sessions-note", said);
    element("own-sessions").focus();
  }

  async #saying(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      setNote("own-sessions-note", explain(error));
    }
  }
}
