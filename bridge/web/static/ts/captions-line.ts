// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import type { Segment } from "./captions-model";
import { doneAt } from "./clock";
import { element } from "./dom";
import { t } from "./strings";

/** How a segment reads for one person. */
export interface Wording {
  stable: string;
  tail: string;
  /** Of the words; empty where they are the page's own. */
  lang: string;
  origin: string;
  unread: boolean;
}

/** One line of the pane. */
export class CaptionLine {
  readonly item = document.createElement("li");
  readonly button = document.createElement("button");
  readonly #speaker = part("speaker");
  readonly #stable = part("stable");
  readonly #tail = part("tail");
  readonly #origin = part("origin");
  readonly #by = part("by");
  #shown = "";

  constructor(id: string, onEdit: (id: string) => void) {
    this.item.className = "caption";
    this.button.type = "button";
    this.button.className = "caption-edit";
    this.button.dataset["line"] = id;
    this.button.tabIndex = -1;
    this.button.setAttribute("aria-describedby", "captions-edit-keys");
    this.button.append(element<HTMLTemplateElement>("captions-pencil").content.cloneNode(true));
    this.button.addEventListener("click", () => onEdit(id));
    this.item.append(this.#speaker, this.#stable, this.#tail, this.#origin, this.#by, this.button);
  }

  /** Shows a segment as it reads; `follows` tells whether the line before is the same speaker's, the same language. */
  fill(segment: Segment, wording: Wording, follows: { speaker: boolean; language: boolean }, editable: boolean): void {
    this.item.classList.toggle("caption-same", follows.speaker);
    this.#origin.classList.toggle("caption-origin-same", follows.speaker && follows.language);
    this.item.hidden = follows.speaker && follows.language && wording.unread;
    this.item.classList.toggle("caption-editable", editable);
    this.button.hidden = !editable;
    const shown = `${segment.rev} ${wording.lang} ${wording.origin && wording.stable}`;
    if (this.#shown === shown) return;
    this.#shown = shown;
    this.item.dataset["final"] = String(segment.final);
    this.item.dataset["unread"] = String(wording.unread || !segment.text);
    this.#speaker.textContent = segment.display_name;
    this.#stable.textContent = wording.stable;
    this.#tail.textContent = wording.tail;
    this.#origin.textContent = wording.origin;
    this.#stable.lang = this.#tail.lang = wording.lang;
    this.#by.textContent = correctionNote(segment);
    const name = { name: segment.display_name, text: segment.text || wording.stable };
    this.button.setAttribute("aria-label", t("captions_edit", name));
  }

  /** Lets a form stand in the place of the words, or the words again. */
  replaceWords(form: HTMLFormElement | null): void {
    this.item.querySelector("form")?.remove();
    this.item.classList.toggle("caption-edited", form !== null);
    if (form) this.item.append(form);
  }
}

/** Who corrected a segment and when, said after its words. */
function correctionNote(segment: Segment): string {
  if (!segment.corrected_by || !segment.text) return "";
  const name = segment.corrected_name || segment.corrected_by;
  return t("corrected_by", { name, time: doneAt(segment.corrected_at ?? 0, segment.start_ms) });
}

function part(name: string): HTMLSpanElement {
  const span = document.createElement("span");
  span.className = `caption-${name}`;
  return span;
}
