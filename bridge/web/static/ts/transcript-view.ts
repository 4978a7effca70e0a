// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { doneAt } from "./clock";
import { markText } from "./find-text";
import { LineEditor } from "./line-editor";
import { lineHistory } from "./line-history";
import { t } from "./strings";
import type { Paragraph, Past, Reading } from "./transcript-types";

const clock = new Intl.DateTimeFormat(document.body.dataset["lang"], { timeStyle: "medium", hourCycle: "h23" });

/** The text of a call, by speaker; lines that one may correct can be edited where they stand. */
export class TranscriptView {
  #reading: Reading | null = null;
  #words = "";

  constructor(
    readonly list: HTMLOListElement,
    readonly correct: (line: string, text: string) => Promise<Paragraph>,
    readonly history: (line: string) => Promise<Past[]>,
  ) {}

  /** Somebody is writing, or reads what a line said before: showing the text anew would take that away. */
  get editing(): boolean {
    return this.list.querySelector("form, .history:not([hidden])") !== null;
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
      const time = doneAt(paragraph.corrected_at ?? 0, paragraph.start_ms);
      by.textContent = t(paragraph.text ? "corrected_by" : "struck_out_by", { name, time });
      line.append(by);
      text.hidden = !paragraph.text;
      if (this.#mayCorrect(paragraph)) {
        const { button, list } = lineHistory(paragraph, () => this.history(paragraph.id));
        by.append(" ", button);
        line.append(list);
      }
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
    button.className = "said-action said-edit";
    button.textContent = t("edit");
    button.setAttribute("aria-label", t("edit_line", { name: paragraph.display_name, time: clock.format(paragraph.start_ms) }));
    button.addEventListener("click", () => this.#edit(paragraph, line));
    return button;
  }

  #edit(paragraph: Paragraph, line: HTMLElement): void {
    const editor = new LineEditor(
      {
        text: paragraph.text,
        lang: paragraph.lang,
        label: t("edit_line", { name: paragraph.display_name, time: clock.format(paragraph.start_ms) }),
        hint: `${t("edit_hint")} ${t("edit_keys")}`,
      },
      async (text) => void Object.assign(paragraph, await this.correct(paragraph.id, text)),
      () => {
        const fresh = this.#line(paragraph) ?? line;
        editor.form.replaceWith(fresh);
        fresh.querySelector<HTMLButtonElement>(".said-edit")?.focus();
      },
    );
    line.replaceWith(editor.form);
    editor.focus();
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
