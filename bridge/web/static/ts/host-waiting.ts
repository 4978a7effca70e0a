// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, explain } from "./bridge-api";
import { announce, element, setHidden, setNote, whileBusy } from "./dom";
import type { Host } from "./host";
import type { Lobby } from "./session";
import { t } from "./strings";

interface Waiter {
  id: string;
  number: number;
  display_name: string;
  organisation: string;
  /** Shown to be theirs by a code; "" where nobody asked. */
  email: string;
  door: "guest" | "contractor" | "partner" | "staff";
  sponsor: string | null;
  since: string;
  away: boolean;
}

const DOORS: Record<Waiter["door"], string> = {
  guest: "door_guest",
  contractor: "door_contractor",
  partner: "door_partner",
  staff: "door_staff",
};

/** Who waits at the door, to let in or to refuse with one click, and for whom there is a lobby. */
export class HostWaiting {
  readonly #policy = element<HTMLSelectElement>("host-lobby");
  readonly #rows = new Map<string, HTMLLIElement>();

  constructor(readonly host: Host) {
    this.#policy.onchange = () => void this.#setPolicy(this.#policy.value as Lobby);
    const all = element<HTMLButtonElement>("waiting-all");
    all.onclick = () => void whileBusy(all, () => this.#admitAll(""));
  }

  show(snapshot: unknown): void {
    const { lobby, waiting } = snapshot as { lobby: Lobby; waiting: Waiter[] };
    if (document.activeElement !== this.#policy) this.#policy.value = lobby;
    this.#announceNew(waiting);
    const focused = this.#focused();
    for (const [id, row] of this.#rows) {
      if (waiting.some((waiter) => waiter.id === id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const waiter of waiting) {
      const row = this.#rows.get(waiter.id) ?? this.#row(waiter);
      row.querySelector<HTMLElement>(".waiter-away")?.toggleAttribute("hidden", !waiter.away);
      element("host-waiting").append(row);
    }
    if (focused) this.#keepFocus(focused);
    setHidden("waiting-none", waiting.length > 0);
    setHidden("waiting-all", waiting.length < 2);
    this.#offerOrganisations(waiting);
    document.title = document.title.replace(/^(\(\d+\) )?/, waiting.length > 0 ? `(${waiting.length}) ` : "");
  }

  #announceNew(waiting: Waiter[]): void {
    const fresh = waiting.filter(({ id }) => !this.#rows.has(id));
    if (fresh.length > 0) announce(t("host_waits", { names: fresh.map(called).join(", "), count: waiting.length }));
  }

  /** Which button has the focus: the list may be rebuilt under the finger. */
  #focused(): { row: HTMLElement; button: string } | null {
    const row = document.activeElement?.closest<HTMLElement>(".waiter");
    const button = (document.activeElement as HTMLElement | null)?.dataset["does"];
    return row && button !== undefined ? { row, button } : null;
  }

  #keepFocus({ row, button }: { row: HTMLElement; button: string }): void {
    const place = row.isConnected ? row : element("host-waiting").querySelector<HTMLElement>(".waiter");
    (place?.querySelector<HTMLElement>(`[data-does="${button}"]`) ?? element("waiting-heading")).focus();
  }

  #row(waiter: Waiter): HTMLLIElement {
    const row = document.createElement("li");
    row.className = "waiter card";
    const name = document.createElement("span");
    name.className = "waiter-name";
    name.textContent = `${waiter.number}. ${called(waiter)}`;
    const facts = document.createElement("span");
    facts.className = "waiter-facts";
    const time = new Date(waiter.since).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    const verified = waiter.email ? [t("access_verified", { email: waiter.email })] : [];
    const sponsor = waiter.sponsor === null || waiter.door === "staff" ? [] : [t("host_sponsor", { user: waiter.sponsor })];
    facts.textContent = [t(DOORS[waiter.door]), ...verified, ...sponsor, t("waiting_since", { time })].join(" · ");
    const away = document.createElement("span");
    away.className = "waiter-away";
    away.textContent = t("host_away");
    away.hidden = !waiter.away;
    const about = document.createElement("div");
    about.className = "waiter-about";
    about.append(name, facts, away);
    row.append(about, this.#button(waiter, "admit"), this.#button(waiter, "refuse"));
    this.#rows.set(waiter.id, row);
    return row;
  }

  #button(waiter: Waiter, does: "admit" | "refuse"): HTMLButtonElement {
    const admit = does === "admit";
    const button = document.createElement("button");
    button.type = "button";
    button.className = admit ? "button button-primary" : "button";
    button.dataset["does"] = does;
    button.textContent = t(admit ? "host_admit" : "host_refuse");
    button.setAttribute("aria-label", t(admit ? "host_admit_named" : "host_refuse_named", { name: called(waiter) }));
    const act = () => bridge.decideWaiting(this.host.session.token, this.host.meetingId, waiter.id, does);
    const done = t(admit ? "host_admitted" : "host_refused", { name: waiter.display_name });
    button.onclick = () => void whileBusy(button, () => this.#do(act, done));
    return button;
  }

  /** One button for each place from which several came, so that a delegation is let in at once. */
  #offerOrganisations(waiting: Waiter[]): void {
    const counts = new Map<string, number>();
    for (const { organisation } of waiting) if (organisation) counts.set(organisation, (counts.get(organisation) ?? 0) + 1);
    const several = [...counts].filter(([, count]) => count > 1 && count < waiting.length);
    element("waiting-organisations").replaceChildren(
      ...several.map(([organisation, count]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button";
        button.textContent = t("host_admit_from", { organisation, count });
        button.onclick = () => void whileBusy(button, () => this.#admitAll(organisation));
        return button;
      }),
    );
  }

  async #admitAll(organisation: string): Promise<void> {
    const { session, meetingId } = this.host;
    await this.#do(() => bridge.admitWaiting(session.token, meetingId, organisation), t("host_admitted_all"));
  }

  async #setPolicy(lobby: Lobby): Promise<void> {
    const { session, meetingId } = this.host;
    await this.#do(() => bridge.changeMeeting(session.token, meetingId, { lobby }), t("host_lobby_saved"));
  }

  async #do(action: () => Promise<unknown>, done: string): Promise<void> {
    try {
      await action();
      setNote("waiting-note", done);
    } catch (error) {
      setNote("waiting-note", explain(error));
    }
  }
}

function called({ display_name, organisation }: Waiter): string {
  return organisation && !display_name.includes(organisation) ? `${display_name} (${organisation})` : display_name;
}
