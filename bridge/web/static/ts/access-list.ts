// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { type Access, type AccessKind, type AccessPage, bridge, explain, type Revocation } from "./bridge-api";
import { dayAndTime } from "./clock";
import { element, personRow, rowButton, setHidden, setNote, whileBusy } from "./dom";
import { t } from "./strings";

const PAUSE_MS = 300;
/** How long the page looks on; the bridge goes on without it. */
const PATIENCE_MS = 30_000;

const ACTIONS: Record<AccessKind, { does: string; sure: string }> = {
  link: { does: t("access_end_link"), sure: "access_sure_link" },
  guest: { does: t("access_end_guest"), sure: "access_sure_guest" },
  partners: { does: t("access_end_partners"), sure: "access_sure_partners" },
  server: { does: t("access_end_server"), sure: "access_sure_server" },
  device: { does: t("access_end_device"), sure: "access_sure_device" },
};
const ENDINGS: Record<string, string> = {
  doors: t("ending_doors"),
  pages: t("ending_pages"),
  keys: t("ending_keys"),
  letters: t("ending_letters"),
  calls: t("ending_calls"),
  matrix: t("ending_matrix"),
  rooms: t("ending_rooms"),
};

const language = document.documentElement.lang;
const list = new Intl.ListFormat(language, { type: "conjunction" });

/** One kind of what lets people in: a list that grows by pages, each line with a button that ends it. */
export class AccessList {
  #first: AccessPage = { found: [], next: null };
  /** Pages after the first one, as far as somebody asked for them. */
  #older: Access[] = [];
  #next: string | null = null;

  constructor(
    readonly kind: AccessKind,
    readonly token: string,
    readonly load: (after: string) => Promise<AccessPage>,
    readonly ended: () => Promise<void> = () => Promise.resolve(),
  ) {
    const more = element<HTMLButtonElement>(`access-${kind}-more`);
    more.addEventListener("click", () => void whileBusy(more, () => this.#continue()));
  }

  /** Shows the newest first page; what was asked for beyond it stays until `reset`. */
  show(page: AccessPage, reset = false): void {
    if (reset) this.#older = [];
    this.#first = page;
    if (this.#older.length === 0) this.#next = page.next;
    this.#render();
  }

  async #continue(): Promise<void> {
    try {
      const { found, next } = await this.load(this.#next ?? "");
      this.#older.push(...found);
      this.#next = next;
      this.#render();
      if (next === null) element(`access-${this.kind}-heading`).focus();
    } catch (error) {
      setNote("access-note", explain(error));
    }
  }

  #render(): void {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined;
    const first = new Set(this.#first.found.map(({ subject }) => subject));
    const all = [...this.#first.found, ...this.#older.filter(({ subject }) => !first.has(subject))];
    element(`access-${this.kind}`).replaceChildren(...all.map((one) => this.#row(one)));
    setHidden(`access-${this.kind}-none`, all.length > 0);
    setHidden(`access-${this.kind}-more`, this.#next === null);
    if (focused) document.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #row(one: Access): HTMLLIElement {
    const name = nameOf(one);
    const facts = factsOf(one).join(" · ");
    const { does, sure } = ACTIONS[one.kind];
    const end = rowButton(does, t("person_action", { what: does, name: `${name}, ${facts}` }), async () => {
      if (confirm(t(sure, { name }))) await this.#end(one, name);
    });
    end.dataset["key"] = `${one.kind} ${one.subject}`;
    return personRow(name, facts, end);
  }

  async #end(one: Access, name: string): Promise<void> {
    try {
      let act = await bridge.revoke(this.token, one.kind, one.subject);
      this.#forget(one);
      setNote("access-note", t("access_goes_on", { name }));
      element(`access-${this.kind}-heading`).focus();
      for (const began = Date.now(); act.done_at === null && Date.now() - began < PATIENCE_MS; ) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        act = await bridge.revocation(this.token, act.id);
      }
      if (act.done_at !== null) setNote("access-note", done(name, act));
      await this.ended();
    } catch (error) {
      setNote("access-note", explain(error));
    }
  }

  #forget({ subject }: Access): void {
    const others = (found: Access[]) => found.filter((one) => one.subject !== subject);
    this.#older = others(this.#older);
    this.#first = { ...this.#first, found: others(this.#first.found) };
    this.#render();
  }
}

function done(name: string, { seconds, people, ends }: Revocation): string {
  const ended = list.format(ends.map((ending) => ENDINGS[ending] ?? ending));
  const took = (seconds ?? 0).toLocaleString(language, { maximumFractionDigits: 1 });
  return t("access_done", { name, seconds: took, people: t("access_people", { count: people }), ended });
}

function nameOf({ kind, name, user_id: user, about, email }: Access): string {
  if (kind === "device") return name === user ? user : `${name} (${user})`;
  if (kind === "link") return email ? t("access_link_mail", { who: name ? `${name} (${email})` : email }) : t("access_link");
  return kind === "guest" && about && !name.includes(about) ? `${name} (${about})` : name;
}

function factsOf(one: Access): string[] {
  const { kind, about, email, by, since, until, used, uses, people, meetings, meeting } = one;
  const facts = meeting && document.body.dataset["page"] === "access" ? [t("access_meeting", { title: meeting.title })] : [];
  if (about && kind !== "guest") facts.push(about);
  if (kind === "guest" && email) facts.push(t("access_verified", { email }));
  if (by) facts.push(t(kind === "link" ? "access_made_by" : "host_sponsor", { user: by }));
  if (kind === "link") facts.push(t("access_used", { used, uses }));
  if (kind === "link" ? people > 0 : kind === "partners" || kind === "server") facts.push(t("access_people", { count: people }));
  if (kind === "server") facts.push(t("access_meetings", { count: meetings }));
  facts.push(t("access_since", { date: dayAndTime.format(new Date(since)) }));
  if (kind === "link" && until) facts.push(t("access_until", { date: dayAndTime.format(new Date(until)) }));
  return facts;
}
