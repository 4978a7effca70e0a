// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { explain } from "./bridge-api";
import { announce, whileBusy } from "./dom";
import { markText } from "./find-text";
import { t } from "./strings";
import type { Paragraph, Reading } from "./transcript-types";

const clock = new Intl.DateTimeFormat(document.body.dataset["lang"], { timeStyle: "medium", hourCycle: "h23" });

type Correct = (line: string, text: string) => Promise<Paragraph>;

/** The text of a call, by speaker; lines that one may correct can be edited where they stand. */
export class TranscriptView {
  #reading: Reading | null = null;
  #words = "";

  constructor(
    readonly list: HTMLOListElement,
    readonly correct: Correct,
  ) {}

  /** Somebody is writing: showing the text anew would take their words away. */
  get editing(): boolean {
    return this.list.querySelector("form") !== null;
  }

  show(reading: Reading): void {
    this.#reading = reading;
    this.#draw();
  }

  /** Shows only the lines with these words; returns how many there are. */
  filter(words: string): number {
    this.#words = words.trim();
    this.#draw();
    return this.list.querySelectorAll(".said").length;
  }

  /** Moves to a line and makes it stand out. */
  reveal(line: string): void {
    const found = [...this.list.querySelectorAll<HTMLElement>(".said")].find((said) => said.dataset["line"] === line);
    found?.classList.add("said-found");
    found?.scrollIntoView({ block: "center" });
  }

  #draw(): void {
    const turns: HTMLLIElement[] = [];
    let before: Paragraph | null = null;
    for (const paragraph of this.#reading?.paragraphs ?? []) {
      const line = this.#line(paragraph);
      if (!line) continue;
      if (!before || before.user_id !== paragraph.user_id || before.voice !== paragraph.voice) turns.push(turn(paragraph));
      turns.at(-1)?.append(line);
      before = paragraph;
    }
    this.list.replaceChildren(...turns);
  }

  /** Null when the line has none of the words that are looked for. */
  #line(paragraph: Paragraph): HTMLElement | null {
    const parts = markText(paragraph.text, this.#words);
    if (!parts) return null;
    const line = document.createElement("div");
    line.className = "said";
    line.dataset["line"] = paragraph.id;
    const text = document.createElement("p");
    text.className = "said-text";
    text.lang = paragraph.lang;
    text.append(...parts);
    line.append(text);
    if (paragraph.corrected_by !== undefined) {
      const by = document.createElement("p");
      by.className = "said-by";
      const name = paragraph.corrected_name ?? paragraph.corrected_by;
      by.textContent = t(paragraph.text ? "corrected_by" : "struck_out_by", { name });
      line.append(by);
      text.hidden = !paragraph.text;
    }
    if (this.#mayCorrect(paragraph)) line.append(this.#editButton(paragraph, line));
    return line;
  }

  #mayCorrect(paragraph: Paragraph): boolean {
    const me = this.#reading?.me;
    return me !== undefined && (me.host || (paragraph.user_id === me.user_id && !paragraph.voice));
  }

  #editButton(paragraph: Paragraph, line: HTMLElement): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "said-edit";
    button.textContent = t("edit");
    button.setAttribute("aria-label", t("edit_line", { name: paragraph.display_name, time: clock.format(paragraph.start_ms) }));
    button.addEventListener("click", () => this.#edit(paragraph, line));
    return button;
  }

  #edit(paragraph: Paragraph, line: HTMLElement): void {
    const form = document.createElement("form");
    form.className = "said-form";
    const field = document.createElement("textarea");
    field.value = paragraph.text;
    field.lang = paragraph.lang;
    field.rows = Math.min(10, 2 + Math.floor(paragraph.text.length / 70));
    field.maxLength = 10_000;
    field.setAttribute("aria-label", t("edit_line", { name: paragraph.display_name, time: clock.format(paragraph.start_ms) }));
    const save = action("button button-primary", t("save"), "submit");
    const cancel = action("button", t("cancel"), "button");
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = t("edit_hint");
    const error = document.createElement("p");
    error.className = "field-error";
    error.setAttribute("role", "alert");
    error.hidden = true;
    const actions = document.createElement("p");
    actions.className = "actions";
    actions.append(save, cancel);
    form.append(field, hint, error, actions);
    const close = (): void => {
      const fresh = this.#line(paragraph) ?? line;
      form.replaceWith(fresh);
      fresh.querySelector<HTMLButtonElement>(".said-edit")?.focus();
    };
    cancel.addEventListener("click", close);
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(save, async () => {
        try {
          Object.assign(paragraph, await this.correct(paragraph.id, field.value));
          announce(t("correction_saved"));
          close();
        } catch (failure) {
          error.textContent = explain(failure);
          error.hidden = false;
        }
      });
    });
    line.replaceWith(form);
    field.focus();
  }
}

function turn(paragraph: Paragraph): HTMLLIElement {
  const item = document.createElement("li");
  item.className = "turn";
  const head = document.createElement("p");
  head.className = "turn-head";
  const name = document.createElement("span");
  name.className = "turn-name";
  name.textContent = paragraph.display_name;
  const time = document.createElement("time");
  time.dateTime = new Date(paragraph.start_ms).toISOString();
  time.textContent = clock.format(paragraph.start_ms);
  head.append(name, " ", time);
  item.append(head);
  return item;
}

function action(className: string, text: string, type: "submit" | "button"): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = type;
  button.className = className;
  button.textContent = text;
  return button;
}
