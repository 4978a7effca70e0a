// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, explain } from "./bridge-api";
import { element, personRow, setHidden, setNote, whileBusy } from "./dom";
import type { Host } from "./host";
import { t } from "./strings";

const SOURCES = ["microphone", "camera", "screen"] as const;

type Source = (typeof SOURCES)[number];

const SENDS: Record<Source, string> = { microphone: "sends_microphone", camera: "sends_camera", screen: "sends_screen" };
const ROLES = { member: "role_member", speaker: "role_speaker", host: "role_host", organiser: "role_organiser" };

interface Named {
  user_id: string;
  display_name: string;
}

interface Person extends Named {
  role: keyof typeof ROLES;
  guest: boolean;
  sends: Partial<Record<Source, "on" | "muted">>;
  may_send: Source[];
}

interface Snapshot {
  people: Person[];
  hands: Named[];
  rules: Record<Source, string | null> & { audience: boolean };
  barred: (Named & { link_shut: boolean })[];
  organisers: string[];
}

interface Action {
  what: string;
  method: string;
  path: string;
  body?: unknown;
  /** What is asked again before it is done. */
  sure?: string;
}

function role(name: string): Pick<Action, "method" | "body"> {
  return { method: "PUT", body: { role: name } };
}

/** Who is in the call, whose hand is up, what is forbidden, who may not come back; and what a host does about it. */
export class HostPeople {
  constructor(readonly host: Host) {
    this.#press("people-mute-all", { what: "people_mute_all", method: "POST", path: "people/mute" });
    this.#press("hands-next", { what: "hands_next", method: "POST", path: "hands/next" });
    for (const source of SOURCES) {
      const choice = element<HTMLSelectElement>(`rule-${source}`);
      choice.addEventListener("change", () => void this.#rule({ [source]: choice.value || null }));
    }
    const audience = element<HTMLInputElement>("rule-audience");
    audience.addEventListener("change", () => void this.#rule({ audience: audience.checked }));
  }

  show(snapshot: unknown): void {
    const { people, hands, rules, barred, organisers } = snapshot as Snapshot;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined;
    const organises = organisers.includes(this.host.session.matrix.user_id);
    element("people").replaceChildren(...people.map((person) => this.#person(person, organises)));
    setHidden("people-empty", people.length > 0);
    setHidden("people-mute-all", people.length === 0);
    element("hands").replaceChildren(
      ...hands.map((hand) =>
        this.#row(hand, "", [{ what: "hand_lower", method: "DELETE", path: `hands/${encodeURIComponent(hand.user_id)}` }]),
      ),
    );
    setHidden("hands-empty", hands.length > 0);
    setHidden("hands-next", hands.length === 0);
    element<HTMLInputElement>("rule-audience").checked = rules.audience;
    for (const source of SOURCES) element<HTMLSelectElement>(`rule-${source}`).value = rules[source] ?? "";
    element("barred").replaceChildren(
      ...barred.map((one) =>
        this.#row({ ...one, display_name: one.display_name || one.user_id }, t(one.link_shut ? "barred_link" : "barred_account"), [
          { what: "person_unbar", method: "DELETE", path: `barred/${encodeURIComponent(one.user_id)}` },
        ]),
      ),
    );
    setHidden("barred-part", barred.length === 0);
    if (focused) document.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #person(person: Person, organises: boolean): HTMLLIElement {
    const path = `people/${encodeURIComponent(person.user_id)}`;
    const actions: Action[] = [];
    if (person.sends.microphone === "on") actions.push({ what: "person_mute", method: "POST", path: `${path}/mute` });
    if (person.role === "member") actions.push({ what: "person_speaker", path: `${path}/role`, ...role("speaker") });
    if (person.role === "speaker") actions.push({ what: "person_member", path: `${path}/role`, ...role("member") });
    if (organises && person.role === "host") actions.push({ what: "person_member", path: `${path}/role`, ...role("member") });
    if (organises && !person.guest && ["member", "speaker"].includes(person.role))
      actions.push({ what: "person_host", path: `${path}/role`, ...role("host") });
    if (["member", "speaker"].includes(person.role) || (organises && person.role === "host"))
      actions.push(
        { what: "person_remove", method: "DELETE", path, sure: "person_remove_sure" },
        { what: "person_bar", method: "PUT", path: `barred/${encodeURIComponent(person.user_id)}`, sure: "person_bar_sure" },
      );
    const sends = SOURCES.map((source) => (person.sends[source] === "on" ? t(SENDS[source]) : "")).filter(Boolean);
    const silenced = person.may_send.includes("microphone") ? [] : [t("person_listens")];
    return this.#row(person, [t(ROLES[person.role]), ...sends, ...silenced].join(" · "), actions);
  }

  #row(named: Named, about: string, actions: Action[]): HTMLLIElement {
    return personRow(named.display_name, about, ...actions.map((action) => this.#button(action, named)));
  }

  #button(action: Action, named: Named): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.dataset["key"] = `${action.what} ${named.user_id}`;
    button.textContent = t(action.what);
    button.setAttribute("aria-label", t("person_action", { what: t(action.what), name: named.display_name }));
    button.addEventListener("click", () => {
      if (action.sure && !confirm(t(action.sure, { name: named.display_name }))) return;
      void whileBusy(button, () => this.#do(action));
    });
    return button;
  }

  #press(id: string, action: Action): void {
    const button = element<HTMLButtonElement>(id);
    button.addEventListener("click", () => void whileBusy(button, () => this.#do(action)));
  }

  #rule(change: Record<string, unknown>): Promise<void> {
    return this.#do({ what: "rules_heading", method: "PATCH", path: "rules", body: change });
  }

  async #do({ method, path, body }: Action): Promise<void> {
    try {
      await bridge.moderate(this.host.session.token, this.host.meetingId, method, path, body);
      setNote("people-note", null);
    } catch (error) {
      setNote("people-note", explain(error));
    }
  }
}
