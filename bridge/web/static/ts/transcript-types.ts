// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

export type CallState = "live" | "queued" | "running" | "done" | "failed" | "ended";

/** One call of a meeting; `final` says that its final text is there. */
export interface Call {
  call_id: string;
  started_ms: number;
  ended_ms: number;
  state: CallState;
  done: number;
  final: boolean;
}

export interface Calls {
  title: string;
  calls: Call[];
}

/** What one person said in one go; with an empty text it was struck out by whoever corrected it. */
export interface Paragraph {
  id: string;
  start_ms: number;
  user_id: string;
  voice: string;
  display_name: string;
  lang: string;
  text: string;
  corrected_by?: string;
  corrected_name?: string;
  corrected_at?: number;
}

/** Who put which text in place of which, and when (Unix ms). */
export interface Past {
  name: string;
  at: number;
  before: string;
  text: string;
}

export interface Reading extends Call {
  title: string;
  model: { name: string; version: string; engine: string; host: string; sha256: string; not_used_for_training: boolean } | null;
  paragraphs: Paragraph[];
  /** Null where the text stays as long as its meeting. */
  delete_at_ms: number | null;
  me: { user_id: string; host: boolean };
}

export interface Hit {
  meeting_id: string;
  title: string;
  call_id: string;
  id: string;
  start_ms: number;
  display_name: string;
  lang: string;
  parts: { text: string; hit: boolean }[];
}

export interface Found {
  hits: Hit[];
  next: string | null;
}

/** What the search takes; names as in the address of the API. */
export interface SearchQuery {
  q: string;
  meeting?: string;
  person?: string;
  from_ms?: string;
  to_ms?: string;
  after?: string;
}
