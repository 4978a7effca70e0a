// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, type Contractor, explain } from "./bridge-api";
import { announce, element, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import type { Session } from "./session";
import { openForStaff } from "./staff-session";
import { t } from "./strings";

const DAY_MS = 24 * 3600 * 1000;
const TERM_DAYS = 90;

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The sponsor's page: whom they answer for, until when; new passes, renewal, withdrawal. */
class ContractorsPage {
  readonly #name = element<HTMLInputElement>("contractor-name");
  readonly #end = element<HTMLInputElement>("contractor-end");

  constructor(readonly session: Session) {}

  async start(): Promise<void> {
    setHidden("view-contractors", false);
    element("contractors-heading").focus();
    this.#end.value = day(Date.now() + TERM_DAYS * DAY_MS);
    const form = element<HTMLFormElement>("contractor-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector<HTMLButtonElement>("button");
      if (button) void whileBusy(button, () => this.#create());
    });
    const { meetings } = await bridge.meetings(this.session.token);
    const own = meetings.filter((meeting) => meeting.organizer === this.session.matrix.user_id);
    element("contractor-meetings").replaceChildren(
      ...own.map(({ id, title }) => {
        const label = document.createElement("label");
        label.className = "check";
        const box = document.createElement("input");
        box.type = "checkbox";
        box.value = id;
        const text = document.createElement("span");
        text.textContent = title;
        label.append(box, text);
        return label;
      }),
    );
    await this.#list();
  }

  async #list(): Promise<void> {
    const { contractors } = await bridge.contractors(this.session.token);
    element("contractors").replaceChildren(...contractors.map((contractor) => this.#row(contractor)));
  }

  async #create(): Promise<void> {
    const name = this.#name.value.trim();
    setFieldError(this.#name, "contractor-error", name ? null : t("error_name"));
    if (!name) return;
    const boxes = element("contractor-meetings").querySelectorAll<HTMLInputElement>("input:checked");
    try {
      const made = await bridge.createContractor(this.session.token, {
        display_name: name,
        organisation: element<HTMLInputElement>("contractor-organisation").value.trim(),
        ends_at: `${this.#end.value}T23:59:59Z`,
        meetings: [...boxes].map((box) => box.value),
      });
      const url = element<HTMLInputElement>("contractor-url");
      url.value = made.url;
      setHidden("contractor-result", false);
      url.select();
      announce(t("contractor_created", { name }));
      this.#name.value = "";
      await this.#list();
    } catch (error) {
      setFieldError(this.#name, "contractor-error", explain(error));
    }
  }

  #row(contractor: Contractor): HTMLLIElement {
    const { id, display_name, organisation, state, ends_at } = contractor;
    const row = document.createElement("li");
    row.className = "meeting card";
    const text = document.createElement("span");
    text.className = "meeting-title";
    text.textContent = t(state === "expired" ? "contractor_expired" : "contractor_until", {
      name: organisation ? `${display_name} (${organisation})` : display_name,
      date: new Date(ends_at).toLocaleDateString(document.documentElement.lang),
    });
    const renew = this.#button("contractor_renew", display_name, () =>
      bridge.renewContractor(this.session.token, id, `${day(Date.now() + TERM_DAYS * DAY_MS)}T23:59:59Z`),
    );
    const withdraw = this.#button("contractor_withdraw", display_name, () =>
      bridge.withdrawContractor(this.session.token, id),
    );
    row.append(text, renew, withdraw);
    return row;
  }

  #button(what: string, name: string, action: () => Promise<unknown>): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = t(what);
    button.setAttribute("aria-label", t(`${what}_named`, { name }));
    const act = async (): Promise<void> => {
      try {
        await action();
        setNote("contractors-note", t(`${what}_done`, { name }));
        await this.#list();
      } catch (error) {
        setNote("contractors-note", explain(error));
      }
    };
    button.addEventListener("click", () => void whileBusy(button, act));
    return button;
  }
}

void openForStaff("view-contractors", "contractors-note", (session) => new ContractorsPage(session).start());
