// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge } from "./bridge-api";
import { announce, element, setHidden, setNote, whileBusy } from "./dom";
import { EventFeed } from "./event-feed";
import { service, t } from "./strings";

/** Somebody's place at a door, as the door answers it. */
export interface Place {
  state: "early" | "waiting" | "admitted" | "entered" | "refused" | "left" | "expired" | "over";
  door: "guest" | "contractor" | "partner" | "staff";
  name: string;
  organisation: string;
}

/** The same with how the wait goes (docs/ARCHITECTURE.md); of one that is over there is `errcode`. */
interface Wait extends Place {
  title: string;
  position: number;
  waiting: number;
  locked: boolean;
  host: boolean;
  since: string;
  starts_at: string | null;
  ask: string;
  errcode?: string;
}

export interface Waiter {
  /** A host said yes: go in, without another click. */
  onAdmitted(): Promise<void>;
  /** Waiting is of no use any more; `errcode` says why. */
  onOver(errcode: string, ask: string): void;
  /** The person gave up, or their place is not there any more. */
  onLeft(): void;
}

/** Whether a door answered with a place in its queue. */
export function isPlace<T extends object>(answer: T | { place: Place }): answer is { place: Place } {
  return "place" in answer;
}

/** The wait before a meeting: says how it goes, and goes on by itself. `link` is the path of the link. */
export class Waiting {
  readonly #feed: EventFeed;
  #said = "";
  #over = false;

  constructor(
    readonly link: string,
    readonly waiter: Waiter,
  ) {
    const leave = element<HTMLButtonElement>("waiting-leave");
    leave.onclick = () => void whileBusy(leave, () => this.#leave());
    this.#feed = new EventFeed(`${link}/wait`, null, {
      onEvent: (_name, data) => this.#take(JSON.parse(data) as Wait),
      onConnection: (connected) => setNote("waiting-connection", connected ? null : t("waiting_lost")),
      onDenied: () => this.#end(() => this.waiter.onLeft()),
    });
  }

  start(): void {
    setHidden("waiting", false);
    element("waiting-heading").textContent = t("waiting_heading");
    element("waiting-heading").focus();
    this.#feed.start();
  }

  #take(wait: Wait): void {
    if (this.#over) return;
    if (wait.state === "over") this.#end(() => this.waiter.onOver(wait.errcode ?? "", wait.ask));
    else if (wait.state === "admitted" || (wait.state === "entered" && wait.door !== "guest")) this.#enter();
    else if (wait.state === "early" || wait.state === "waiting" || wait.state === "refused") this.#show(wait);
    else this.#end(() => this.waiter.onLeft());
  }

  #enter(): void {
    this.#over = true;
    this.#feed.stop();
    this.#say(t("waiting_admitted_heading"), t("waiting_admitted"), []);
    for (const id of ["waiting-leave", "waiting-hint"]) setHidden(id, true);
    void this.waiter.onAdmitted();
  }

  #show(wait: Wait): void {
    element("waiting-title").textContent = wait.title;
    setHidden("waiting-hint", wait.state === "refused");
    if (wait.state === "refused") {
      this.#say(t("waiting_refused_heading"), t("waiting_refused", { ask: wait.ask }), []);
    } else if (wait.state === "early") {
      const known = wait.starts_at !== null;
      this.#say(t("waiting_early_heading"), known ? t("waiting_early", { when: moment(wait.starts_at ?? "") }) : t("waiting_early_open"), []);
    } else {
      const place = wait.waiting === 1 ? t("waiting_alone") : t("waiting_position", { position: wait.position, count: wait.waiting });
      const host = t(wait.host ? "waiting_host" : "waiting_no_host");
      const since = t("waiting_since", { time: clock(wait.since) });
      this.#say(t("waiting_heading"), host, [place, since, ...(wait.locked ? [t("waiting_locked")] : [])]);
      document.title = `(${wait.position}) ${wait.title} · ${service}`;
    }
  }

  /** Shows how it stands, and reads out what has changed. */
  #say(heading: string, text: string, facts: string[]): void {
    const all = [heading, text, ...facts].join(" ");
    if (all === this.#said) return;
    this.#said = all;
    element("waiting-heading").textContent = heading;
    element("waiting-text").textContent = text;
    element("waiting-facts").replaceChildren(
      ...facts.map((fact) => {
        const item = document.createElement("li");
        item.textContent = fact;
        return item;
      }),
    );
    announce(all);
  }

  async #leave(): Promise<void> {
    await bridge.leavePlace(this.link).catch(() => null); // it ends by itself without its page
    this.#end(() => this.waiter.onLeft());
  }

  #end(after: () => void): void {
    this.#over = true;
    this.#feed.stop();
    setHidden("waiting", true);
    after();
  }
}

function moment(at: string): string {
  const format = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" } as const;
  return new Date(at).toLocaleString(document.documentElement.lang, format);
}

function clock(at: string): string {
  return new Date(at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
}
