// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { element, setFieldError } from "./dom";
import type { NewSchedule, Schedule } from "./session";
import { t } from "./strings";

/** The fields of `_times.html`: a wall time of the person's own time zone, or of the meeting's where it has one. */
export class TimesForm {
  readonly #date: HTMLInputElement;
  readonly #time: HTMLInputElement;
  readonly #duration: HTMLSelectElement;
  readonly #repeat: HTMLSelectElement;
  #zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

  constructor(readonly prefix: string) {
    this.#date = element(`${prefix}-date`);
    this.#time = element(`${prefix}-time`);
    this.#duration = element(`${prefix}-duration`);
    this.#repeat = element(`${prefix}-repeat`);
    this.#showZone();
  }

  /** Shows when a meeting is, its own rule and length among the choices. */
  fill(schedule: Schedule | null): void {
    const [date = "", time = ""] = schedule?.start.split("T") ?? [];
    this.#date.value = date;
    this.#time.value = time;
    choose(this.#duration, String(schedule?.duration_minutes ?? 60), (minutes) => t("times_minutes_own", { minutes }));
    choose(this.#repeat, schedule?.rrule ?? "", (rule) => rule);
    if (schedule) this.#zone = schedule.time_zone;
    this.#showZone();
  }

  get isEmpty(): boolean {
    return !this.#date.value && !this.#time.value;
  }

  /** What the fields say; null, with the fault shown, when they say nothing that is a time. */
  read(): NewSchedule | null {
    const complete = Boolean(this.#date.value && this.#time.value);
    setFieldError(this.#date, `${this.prefix}-times-error`, complete ? null : t("error_times"));
    if (!complete) return null;
    return {
      start: `${this.#date.value}T${this.#time.value.slice(0, 5)}`,
      time_zone: this.#zone,
      duration_minutes: Number(this.#duration.value),
      rrule: this.#repeat.value || null,
    };
  }

  showError(text: string): void {
    setFieldError(this.#date, `${this.prefix}-times-error`, text);
  }

  #showZone(): void {
    element(`${this.prefix}-zone`).textContent = t("times_zone", { zone: this.#zone });
  }
}

/** Selects a value, which becomes a choice of its own when it is none yet. */
function choose(select: HTMLSelectElement, value: string, label: (value: string) => string): void {
  select.querySelector("option[data-own]")?.remove();
  if (![...select.options].some((option) => option.value === value)) {
    const own = new Option(label(value), value);
    own.dataset["own"] = "";
    select.append(own);
  }
  select.value = value;
}
