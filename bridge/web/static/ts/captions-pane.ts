// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { CaptionsEditing, type Corrector } from "./captions-edit";
import { CaptionLine, type Wording } from "./captions-line";
import { CaptionsModel, type Segment, sameSpeaker, splitStable, type Translation } from "./captions-model";
import { loadPreferences, savePreferences, SIZES, USUAL_SIZE } from "./captions-preferences";
import { CaptionsSettings } from "./captions-settings";
import { announce, element } from "./dom";
import { t } from "./strings";

/** Closer to the end than this, the pane follows what is said. */
const FOLLOW_PX = 48;
/** stops: the live region, which only has to be read once, from growing. */
const MAX_SPOKEN = 20;
/** A line that has not changed for so long (ms) stays as it is: its bot died. Longer than an utterance takes. */
const ABANDONED_MS = 30_000;
/** A window that is narrower has no room for captions beside the call. */
const NARROW = window.matchMedia("(max-width: 52rem)");

/** The pane beside the call: lines that grow and settle, for eyes and for screen readers. */
export class CaptionsPane {
  readonly #stage = element("view-call");
  readonly #pane = element("captions");
  readonly #scroll = element("captions-scroll");
  readonly #list = element<HTMLOListElement>("captions-lines");
  readonly #live = element("captions-live");
  readonly #latest = element<HTMLButtonElement>("captions-latest");
  readonly #toggle = element<HTMLButtonElement>("captions-toggle");
  readonly #model = new CaptionsModel();
  readonly #lines = new Map<string, CaptionLine>();
  /** Which text of a segment was given to screen readers: as it was heard (0), or as it was corrected (when). */
  readonly #spoken = new Map<string, number>();
  readonly #editing = new CaptionsEditing((segment) => this.take(segment));
  readonly #preferences = loadPreferences();
  readonly #settings = new CaptionsSettings(this.#preferences, () => this.#apply());
  #shown = true;
  #readsOut = false;
  #corrector: Corrector | null = null;

  constructor() {
    element("captions-smaller").addEventListener("click", () => this.#resize(-1));
    element("captions-larger").addEventListener("click", () => this.#resize(1));
    element("captions-move").addEventListener("click", () => {
      this.#preferences.place = this.#preferences.place === "side" ? "bottom" : "side";
      this.#apply();
    });
    element("captions-close").addEventListener("click", () => {
      this.#show(false);
      this.#toggle.focus();
    });
    this.#toggle.addEventListener("click", () => this.#show(!this.#shown));
    this.#latest.addEventListener("click", () => this.#follow());
    this.#scroll.addEventListener("scroll", () => {
      if (this.#isAtEnd()) this.#latest.hidden = true;
    });
    NARROW.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  /** Says how captions stand; `on` is said shortly where there is little room. */
  setStatus(text: string, state: string): void {
    const status = element("captions-status");
    status.dataset["state"] = state;
    if (status.textContent !== text) status.textContent = text;
  }

  /** Lets somebody correct the lines that they may correct. */
  letCorrect(corrector: Corrector): void {
    this.#corrector = corrector;
    this.#draw();
  }

  /** From now on screen readers are told: minutes of what was said before would keep them from what is said. */
  readOut(): void {
    this.#readsOut = true;
  }

  /** Shows a segment that is new or has changed. */
  take(segment: Segment): void {
    this.#update(() => this.#model.take(segment) && segment);
    if (segment.final) return;
    // Half a revision: newer than this one, older than the next, which makes it void.
    const left = { ...segment, final: true, rev: segment.rev + 0.5 };
    window.setTimeout(() => this.#update(() => this.#model.take(left) && left), ABANDONED_MS);
  }

  /** Takes what a segment says in another language; shows it to whoever reads that. */
  translate(translation: Translation): void {
    const segment = this.#model.translate(translation);
    this.#settings.offer(translation.lang);
    if (translation.lang === this.#preferences.language) this.#update(() => segment);
  }

  #update(change: () => Segment | false | undefined): void {
    const following = this.#isAtEnd() && !this.#editing.open;
    const segment = change();
    if (!segment) return;
    this.#settings.offer(segment.lang);
    this.#editing.changed(segment);
    this.#draw();
    this.#speak(segment);
    if (following) this.#follow();
    else this.#latest.hidden = false;
  }

  #draw(): void {
    const known = new Set<string>();
    let previous: Segment | null = null;
    let before: Element | null = null;
    for (const segment of this.#model.segments) {
      known.add(segment.id);
      const line = this.#lineOf(segment.id);
      const expected: Element | null = before ? before.nextElementSibling : this.#list.firstElementChild;
      if (expected !== line.item) this.#list.insertBefore(line.item, expected);
      const follows = {
        speaker: previous !== null && sameSpeaker(previous, segment),
        language: previous?.lang === segment.lang,
      };
      line.fill(segment, this.#wording(segment), follows, this.#editing.mayCorrect(segment, this.#corrector));
      before = line.item;
      previous = segment;
    }
    for (const [id, line] of this.#lines) {
      if (known.has(id)) continue;
      line.item.remove();
      this.#lines.delete(id);
      this.#spoken.delete(id);
    }
    this.#editing.settle(this.#lines);
  }

  #lineOf(id: string): CaptionLine {
    const line = this.#lines.get(id) ?? new CaptionLine(id, (which) => this.#edit(which));
    this.#lines.set(id, line);
    return line;
  }

  #edit(id: string): void {
    const [segment, line] = [this.#model.find(id), this.#lines.get(id)];
    if (!segment || !line || !this.#corrector) return;
    const { origin, unread } = this.#wording(segment);
    this.#editing.edit(segment, line, this.#corrector, origin || unread ? this.#settings.name(segment.lang) : "");
  }

  /**
   * How a segment reads for this person: as it was spoken, in the language that they chose, or (nobody translated it)
   * only that something is said, and in which language.
   */
  #wording(segment: Segment): Wording {
    const { language } = this.#preferences;
    if (!segment.text) {
      const name = segment.corrected_name || segment.corrected_by || "";
      return { stable: t("struck_out_by", { name }), tail: "", lang: "", origin: "", unread: false };
    }
    const [stable, tail] = splitStable(segment);
    const spoken = { stable, tail, lang: segment.lang, origin: "", unread: false };
    if (language === "" || segment.lang === "" || segment.lang === language) return spoken;
    const from = { language: this.#settings.name(segment.lang) };
    const text = this.#model.translated(segment, language);
    if (text !== undefined) {
      return { stable: text, tail: "", lang: language, origin: t("captions_translated", from), unread: false };
    }
    return { stable: t("captions_speaks", from), tail: "", lang: "", origin: "", unread: true };
  }

  /** Finals only, once each, and once more when corrected: a screen reader that reads every partial is of no use. */
  #speak(segment: Segment): void {
    const { stable, lang, unread } = this.#wording(segment);
    const version = segment.corrected_at ?? 0;
    if (!segment.final || !(segment.text || version) || unread || this.#spoken.get(segment.id) === version) return;
    this.#spoken.set(segment.id, version);
    if (!this.#readsOut || (version && segment.corrected_by === this.#corrector?.userId)) return;
    const line = document.createElement("p");
    line.lang = lang;
    const name = segment.display_name;
    line.textContent = t(version ? "captions_line_corrected" : "captions_line", { name, text: stable });
    this.#live.append(line);
    while (this.#live.childElementCount > MAX_SPOKEN) this.#live.firstElementChild?.remove();
  }

  #isAtEnd(): boolean {
    return this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < FOLLOW_PX;
  }

  #follow(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#latest.hidden = true;
  }

  #resize(step: number): void {
    this.#preferences.size = Math.min(Math.max(this.#preferences.size + step, 0), SIZES.length - 1);
    this.#apply();
    const size = SIZES[this.#preferences.size] ?? 1;
    announce(t("text_size", { percent: Math.round((size / (SIZES[USUAL_SIZE] ?? 1)) * 100) }));
  }

  #show(shown: boolean): void {
    this.#shown = shown;
    this.#apply();
  }

  #apply(): void {
    const following = this.#isAtEnd() && !this.#editing.open;
    const place = NARROW.matches ? "bottom" : this.#preferences.place;
    this.#stage.dataset["captions"] = this.#shown ? place : "hidden";
    this.#toggle.setAttribute("aria-expanded", String(this.#shown));
    this.#pane.style.setProperty("--captions-size", `${SIZES[this.#preferences.size]}rem`);
    this.#pane.dataset["colours"] = this.#preferences.colours;
    this.#draw();
    savePreferences(this.#preferences);
    if (following) this.#follow();
    this.#editing.reveal();
  }
}
