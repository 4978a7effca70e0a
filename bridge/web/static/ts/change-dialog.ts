// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, explain } from "./bridge-api";
import { announce, element, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import type { Meeting } from "./session";
import { t } from "./strings";
import { TimesForm } from "./times-form";

type Verb = "end" | "open" | "cancel";

/** The organiser's dialog: other words, another time, or the end. */
export class ChangeDialog {
  readonly #dialog = element<HTMLDialogElement>("change-dialog");
  readonly #title = element<HTMLInputElement>("change-title");
  readonly #agenda = element<HTMLTextAreaElement>("change-agenda");
  readonly #times = new TimesForm("change");
  #meeting: Meeting | null = null;

  constructor(
    readonly token: () => string,
    readonly changed: (meeting: Meeting) => void,
  ) {
    element("change-close").addEventListener("click", () => this.#dialog.close());
    const form = element<HTMLFormElement>("change-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
      if (button) void whileBusy(button, () => this.#save());
    });
    for (const verb of ["end", "open", "cancel"] as const) {
      const button = element<HTMLButtonElement>(`change-${verb}`);
      button.addEventListener("click", () => void whileBusy(button, () => this.#do(verb)));
    }
  }

  open(meeting: Meeting): void {
    this.#meeting = meeting;
    this.#title.value = meeting.title;
    this.#agenda.value = meeting.agenda;
    this.#times.fill(meeting.schedule);
    setNote("change-note", null);
    setFieldError(this.#title, "change-error", null);
    const over = meeting.state === "ended";
    setHidden("change-form", over && meeting.cancelled);
    setHidden("change-end", meeting.state !== "live" && meeting.state !== "lobby");
    setHidden("change-open", !over && meeting.state !== "scheduled");
    setHidden("change-cancel", meeting.state !== "scheduled");
    this.#dialog.showModal();
  }

  async #save(): Promise<void> {
    const title = this.#title.value.trim();
    setFieldError(this.#title, "change-error", title ? null : t("error_title"));
    const timed = this.#meeting?.schedule || !this.#times.isEmpty;
    const schedule = timed ? this.#times.read() : null;
    if (!this.#meeting || !title || (timed && !schedule)) return;
    const was = this.#meeting.schedule;
    const same = JSON.stringify(schedule) === JSON.stringify(was && pick(was));
    const change = { title, agenda: this.#agenda.value, ...(schedule && !same ? { schedule } : {}) };
    await this.#apply(() => bridge.changeMeeting(this.token(), this.#meeting?.id ?? "", change), "change_saved");
  }

  async #do(verb: Verb): Promise<void> {
    const said = { end: "change_ended", open: "change_opened", cancel: "change_cancelled" }[verb];
    await this.#apply(() => bridge.moveMeetingOn(this.token(), this.#meeting?.id ?? "", verb), said);
  }

  async #apply(action: () => Promise<Meeting>, said: string): Promise<void> {
    try {
      const meeting = await action();
      this.#dialog.close();
      this.changed(meeting);
      announce(t(said, { title: meeting.title }));
    } catch (error) {
      setNote("change-note", explain(error));
    }
  }
}

function pick({ start, time_zone, duration_minutes, rrule }: NonNullable<Meeting["schedule"]>): unknown {
  return { start, time_zone, duration_minutes, rrule };
}
