// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { BridgeError, explain } from "./bridge-api";
import { announce, whileBusy } from "./dom";
import { t } from "./strings";

/** As many characters as the bridge takes. */
const MAX_CHARACTERS = 10_000;

export interface EditedLine {
  text: string;
  lang: string;
  /** What the field is called for whoever does not see where it stands. */
  label: string;
  hint: string;
}

/** The form in which a line is corrected: Enter or a button saves, Escape or a button leaves it as it was. */
export class LineEditor {
  readonly form = document.createElement("form");
  readonly #field = document.createElement("textarea");
  readonly #error = paragraph("field-error", "alert");
  readonly #news = paragraph("hint", "status");
  readonly #save = action("button button-primary", t("save"), "submit");

  /** `save` throws what the bridge refused; `close` is called once, when there is nothing more to edit. */
  constructor(
    readonly line: EditedLine,
    readonly save: (text: string) => Promise<void>,
    readonly close: () => void,
  ) {
    this.form.className = "line-form";
    this.#field.value = line.text;
    this.#field.lang = line.lang;
    this.#field.rows = Math.min(10, 2 + Math.floor(line.text.length / 70));
    this.#field.maxLength = MAX_CHARACTERS;
    this.#field.setAttribute("aria-label", line.label);
    const hint = paragraph("hint");
    hint.textContent = line.hint;
    const cancel = action("button", t("cancel"), "button");
    const actions = paragraph("actions");
    actions.append(this.#save, cancel);
    this.form.append(this.#field, hint, this.#news, this.#error, actions);
    cancel.addEventListener("click", this.close);
    this.form.addEventListener("keydown", (event) => this.#onKey(event));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(this.#save, () => this.#submit());
    });
  }

  focus(): void {
    this.#field.focus();
    this.#field.setSelectionRange(this.#field.value.length, this.#field.value.length);
  }

  /** Moves the pane so that all of the form is seen. */
  reveal(): void {
    this.form.scrollIntoView({ block: "nearest" });
  }

  /** Says what has become of the line meanwhile; what is being written stays. */
  tell(news: string): void {
    this.#news.textContent = news;
    this.#news.hidden = false;
    this.reveal();
  }

  #onKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Enter" && event.target === this.#field && !event.shiftKey) {
      event.preventDefault();
      this.form.requestSubmit();
    }
  }

  async #submit(): Promise<void> {
    const text = this.#field.value.trim();
    if (text === this.line.text) {
      this.close();
      return;
    }
    try {
      await this.save(text);
      announce(t("correction_saved"));
      this.close();
    } catch (failure) {
      this.#error.textContent = explainRefusal(failure);
      this.#error.hidden = false;
      this.#field.focus();
      this.reveal();
    }
  }
}

/** A sentence for the person: what is wrong, and what to do. What they wrote is still in the form. */
export function explainRefusal(error: unknown): string {
  if (!(error instanceof BridgeError)) return explain(error);
  if (error.status === 401) return t("refused_session");
  if (error.errcode === "PASSERELLE_FINAL_TEXT") return t("refused_final_text");
  if (error.errcode === "PASSERELLE_NOT_FINAL") return t("refused_not_final");
  if (error.errcode === "PASSERELLE_TOO_MANY_CORRECTIONS") return t("refused_too_many");
  if (error.status === 403) return t("refused_not_yours");
  if (error.status === 404) return t("refused_gone");
  return explain(error);
}

function paragraph(className: string, role?: string): HTMLParagraphElement {
  const made = document.createElement("p");
  made.className = className;
  if (role !== undefined) {
    made.setAttribute("role", role);
    made.hidden = true;
  }
  return made;
}

function action(className: string, text: string, type: "submit" | "button"): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = type;
  button.className = className;
  button.textContent = text;
  return button;
}
