// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/** One utterance of one person, as the bridge sends it; a higher `rev` replaces what came before. */
export interface Segment {
  id: string;
  user_id: string;
  /** Who of those at one microphone; empty where the track's owner speaks. */
  voice: string;
  display_name: string;
  start_ms: number;
  text: string;
  stable_chars: number;
  lang: string;
  final: boolean;
  rev: number;
  /** Who put this text in place of what was heard (user id, name) and when (Unix ms). */
  corrected_by?: string;
  corrected_name?: string;
  corrected_at?: number;
}

/** What one revision of an utterance says in another language. */
export interface Translation {
  segment_id: string;
  lang: string;
  rev: number;
  text: string;
}

/** stops: a meeting of a whole day from filling the page. */
export const MAX_SEGMENTS = 500;

/** The captions of a meeting in the order in which they were spoken. */
export class CaptionsModel {
  readonly #segments = new Map<string, Segment>();
  readonly #translations = new Map<string, Map<string, Translation>>();
  #order: Segment[] = [];

  /** Those with words, or struck out: any other final segment without words takes back what was shown too early. */
  get segments(): readonly Segment[] {
    return this.#order.filter((segment) => segment.text || segment.corrected_by);
  }

  find(id: string): Segment | undefined {
    return this.#segments.get(id);
  }

  /** Takes a segment in; false when we had it, or a newer revision, already. */
  take(segment: Segment): boolean {
    const known = this.#segments.get(segment.id);
    if (known && known.rev >= segment.rev) return false;
    this.#segments.set(segment.id, segment);
    const order = [...this.#segments.values()].sort((a, b) => a.start_ms - b.start_ms || (a.id < b.id ? -1 : 1));
    for (const dropped of order.splice(0, Math.max(0, order.length - MAX_SEGMENTS))) {
      this.#segments.delete(dropped.id);
      this.#translations.delete(dropped.id);
    }
    this.#order = order;
    return this.#segments.has(segment.id);
  }

  /** Takes a translation in; returns the segment that it belongs to, if we have it. The bridge bounds the languages. */
  translate(translation: Translation): Segment | undefined {
    const segment = this.#segments.get(translation.segment_id);
    if (!segment) return undefined;
    const known = this.#translations.get(segment.id) ?? new Map<string, Translation>();
    this.#translations.set(segment.id, known.set(translation.lang, translation));
    return segment;
  }

  /** What a segment, as it is now, says in a language; nothing while nobody translated it. */
  translated(segment: Segment, language: string): string | undefined {
    const translation = this.#translations.get(segment.id)?.get(language);
    return translation?.rev === segment.rev ? translation.text : undefined;
  }
}

/** Whether two segments are the same person's words. */
export function sameSpeaker(one: Segment, other: Segment): boolean {
  return one.user_id === other.user_id && one.voice === other.voice;
}

/** The part of a text that will not change any more, and the part that may; `stable_chars` counts code points. */
export function splitStable(segment: Segment): [stable: string, tail: string] {
  if (segment.final) return [segment.text, ""];
  const characters = Array.from(segment.text);
  return [characters.slice(0, segment.stable_chars).join(""), characters.slice(segment.stable_chars).join("")];
}
