// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { AccessList } from "./access-list";
import { type BarredName, bridge, BridgeError, explain } from "./bridge-api";
import { dayAndTime } from "./clock";
import { element, onSubmit, personRow, rowButton, setHidden, setNote } from "./dom";
import type { Session } from "./session";
import { openForStaff } from "./staff-session";
import { t } from "./strings";

const KINDS = ["link", "guest", "server", "device"] as const;

/** What lets people in, over all meetings: operators look for it, and end it. */
class AccessPage {
  readonly #text = element<HTMLInputElement>("access-text");
  readonly #lists: AccessList[];
  #asked = "";

  constructor(readonly session: Session) {
    const { token } = session;
    this.#lists = KINDS.map(
      (kind) => new AccessList(kind, token, (after) => bridge.lookForAccess(token, kind, this.#asked, after), () => this.#barred()),
    );
    onSubmit("access-form", () => this.#search());
  }

  async start(): Promise<void> {
    await this.#barred(); // refused for whoever is no operator
    setHidden("view-access", false);
    this.#text.focus();
    await this.#search();
  }

  async #search(): Promise<void> {
    this.#asked = this.#text.value.trim();
    setNote("access-note", null);
    try {
      await Promise.all(this.#lists.map(async (list) => list.show(await list.load(""), true)));
    } catch (error) {
      setNote("access-note", explain(error));
    }
  }

  async #barred(): Promise<void> {
    const { barred } = await bridge.barred(this.session.token);
    element("access-barred").replaceChildren(...barred.map((one) => this.#row(one)));
    setHidden("access-barred-part", barred.length === 0);
  }

  #row({ name, by, at }: BarredName): HTMLLIElement {
    const does = t("access_let_in");
    const again = rowButton(does, t("person_action", { what: does, name }), async () => {
      try {
        await bridge.letInAgain(this.session.token, name);
        await this.#barred();
        setNote("access-note", t("access_let_in_done", { name }));
        this.#text.focus();
      } catch (error) {
        setNote("access-note", explain(error));
      }
    });
    return personRow(name, t("access_barred_about", { date: dayAndTime.format(new Date(at)), user: by }), again);
  }
}

void openForStaff("view-access", "access-problem", (session) =>
  new AccessPage(session).start().catch((error: unknown) => {
    if (!(error instanceof BridgeError && error.status === 403)) throw error;
    setHidden("view-denied", false);
    element("denied-heading").focus();
  }),
);
