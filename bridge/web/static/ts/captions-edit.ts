// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import type { CaptionLine } from "./captions-line";
import type { Segment } from "./captions-model";
import { announce, element } from "./dom";
import { LineEditor } from "./line-editor";
import { t } from "./strings";

/** Who reads the captions, and what they may do to them. */
export interface Corrector {
  userId: string;
  /** Hosts correct every line, others their own words. */
  host: boolean;
  correct(segment: string, text: string): Promise<Segment>;
}

const STEPS = new Map([
  ["ArrowUp", -1],
  ["ArrowDown", 1],
  ["Home", -Infinity],
  ["End", Infinity],
]);

/**
 * Correcting lines in the pane, one at a time. All pencils together are one stop of the Tab key, the last line's until
 * arrows move to another: fifty stops would keep a keyboard from everything behind them.
 */
export class CaptionsEditing {
  readonly #list = element("captions-lines");
  readonly #pane = element("captions");
  #open: { segment: Segment; line: CaptionLine; editor: LineEditor } | null = null;

  constructor(readonly take: (segment: Segment) => void) {
    this.#list.addEventListener("keydown", (event) => this.#onKey(event));
    this.#list.addEventListener("focusin", (event) => {
      if (event.target instanceof HTMLButtonElement && event.target.matches(".caption-edit")) this.#stopAt(event.target);
    });
  }

  /** Somebody is writing: the pane must not move under them. */
  get open(): boolean {
    return this.#open !== null;
  }

  mayCorrect(segment: Segment, who: Corrector | null): boolean {
    if (!who || !segment.final || !(segment.text || segment.corrected_by)) return false;
    return who.host || (segment.user_id === who.userId && !segment.voice);
  }

  /** Opens the form of a line; what was begun in another one is left. */
  edit(segment: Segment, line: CaptionLine, who: Corrector, spokenIn: string): void {
    this.#close(false);
    const hint = `${t("edit_hint")} ${t("edit_keys")}`;
    const editor = new LineEditor(
      {
        text: segment.text,
        lang: segment.lang,
        label: t("captions_edit", { name: segment.display_name, text: segment.text }),
        hint: spokenIn ? `${t("captions_edit_spoken", { language: spokenIn })} ${hint}` : hint,
      },
      async (text) => this.take(await who.correct(segment.id, text)),
      () => this.#close(true),
    );
    this.#open = { segment, line, editor };
    this.#pane.dataset["editing"] = "true";
    line.replaceWords(editor.form);
    editor.focus();
    editor.reveal();
  }

  /** Keeps the form in sight when the pane changes its shape. */
  reveal(): void {
    this.#open?.editor.reveal();
  }

  /** Learns what has become of a line that may be the one that is being corrected. */
  changed(segment: Segment): void {
    if (this.#open?.segment.id !== segment.id || this.#open.segment.text === segment.text) return;
    const name = segment.corrected_name || segment.corrected_by || segment.display_name;
    this.#open.segment = segment;
    this.#open.editor.tell(t(segment.text ? "captions_edit_meanwhile" : "struck_out_by", { name, text: segment.text }));
  }

  /** After the lines were drawn: the form of a line that was taken back goes with it, and Tab finds a pencil. */
  settle(lines: ReadonlyMap<string, CaptionLine>): void {
    if (this.#open && !lines.has(this.#open.segment.id)) {
      this.#close(false);
      announce(t("refused_gone"));
    }
    const pencils = this.#pencils();
    if (!pencils.some((pencil) => pencil === document.activeElement)) this.#stopAt(pencils.at(-1));
  }

  #close(focus: boolean): void {
    const open = this.#open;
    if (!open) return;
    this.#open = null;
    delete this.#pane.dataset["editing"];
    open.line.replaceWords(null);
    if (focus) open.line.button.focus();
  }

  #onKey(event: KeyboardEvent): void {
    const step = STEPS.get(event.key);
    const pencils = this.#pencils();
    const at = pencils.indexOf(event.target as HTMLButtonElement);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    pencils[Math.min(Math.max(at + step, 0), pencils.length - 1)]?.focus();
  }

  #pencils(): HTMLButtonElement[] {
    return [...this.#list.querySelectorAll<HTMLButtonElement>("li:not([hidden], .caption-edited) > .caption-edit:not([hidden])")];
  }

  #stopAt(pencil: HTMLButtonElement | undefined): void {
    for (const other of this.#list.querySelectorAll<HTMLButtonElement>('.caption-edit[tabindex="0"]')) other.tabIndex = -1;
    if (pencil) pencil.tabIndex = 0;
  }
}
