// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import type { Segment } from "./captions-model";
import type { Meeting, NewSchedule, Session } from "./session";
import type { Calls, Found, Paragraph, Past, Reading, SearchQuery } from "./transcript-types";
import { t } from "./strings";

export interface Invite {
  id: string;
  url: string;
  uses: number;
  expires_at: string;
}

/** One of a person's own sessions. */
export interface OwnSession {
  id: string;
  browser: string;
  created_at: string;
  seen_at: string;
  current: boolean;
}

export interface Contractor {
  id: string;
  display_name: string;
  organisation: string;
  sponsor: string;
  state: "valid" | "reminded" | "expired" | "ended";
  ends_at: string;
  meetings: { id: string; title: string }[];
}

export interface NewContractor {
  display_name: string;
  organisation: string;
  ends_at: string;
  meetings: string[];
}

/** What the bridge refused; `status` is 0 when it could not be reached at all. */
export class BridgeError extends Error {
  constructor(
    readonly status: number,
    readonly errcode: string,
    message: string,
  ) {
    super(message);
  }
}

/** A sentence for the person, in their language where we know the case, else the server's own sentence. */
export function explain(error: unknown): string {
  if (!(error instanceof BridgeError)) return t("error_unexpected");
  if (error.status === 0) return t("error_network");
  if (error.status === 429) return t("error_rate");
  if (error.status >= 500) return t("error_unexpected");
  return error.message;
}

async function ask(method: string, path: string, token: string | null, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = {};
  if (token !== null) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new BridgeError(0, "", t("error_network"));
  }
  if (!response.ok) {
    const answer: unknown = await response.json().catch(() => null);
    const { errcode = "", error = t("error_unexpected") } = (answer ?? {}) as { errcode?: string; error?: string };
    throw new BridgeError(response.status, errcode, error);
  }
  return response;
}

async function call<T>(method: string, path: string, token: string | null, body?: unknown): Promise<T> {
  const response = await ask(method, path, token, body);
  return (await response.json().catch(() => null)) as T;
}

async function file(path: string, token: string): Promise<{ content: Blob; name: string }> {
  const response = await ask("GET", path, token);
  const [, name = "transcript"] = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") ?? "") ?? [];
  return { content: await response.blob(), name: decodeURIComponent(name) };
}

const segment = encodeURIComponent;

function transcripts(meeting: string, call?: string): string {
  const all = `/api/v1/meetings/${segment(meeting)}/transcripts`;
  return call === undefined ? all : `${all}/${segment(call)}`;
}

/** Where a line of the live text is, or of the final one. */
function lineOf(meeting: string, reading: Reading, line: string): string {
  return reading.final ? `${transcripts(meeting, reading.call_id)}/paragraphs/${segment(line)}` : caption(meeting, line);
}

function caption(meeting: string, line: string): string {
  return `/api/v1/meetings/${segment(meeting)}/captions/${segment(line)}`;
}

export const bridge = {
  exchangeCode: (code: string) => call<Session>("POST", "/auth/session", null, { code }),
  signOut: (token: string) => call<{ redirect: string }>("POST", "/auth/logout", token, {}),
  ownSessions: (token: string) => call<{ sessions: OwnSession[] }>("GET", "/api/v1/sessions", token),
  endSession: (token: string, id: string) => call<unknown>("DELETE", `/api/v1/sessions/${segment(id)}`, token),
  enterAsGuest: (invite: string, displayName: string, organisation: string) =>
    call<Session>("POST", `/j/${segment(invite)}`, null, { display_name: displayName, organisation }),
  pass: (link: string) => call<Contractor>("POST", `/c/${segment(link)}`, null, {}),
  enterAsContractor: (link: string, meeting: string) =>
    call<Session>("POST", `/c/${segment(link)}/${segment(meeting)}`, null, {}),
  contractors: (token: string) => call<{ contractors: Contractor[] }>("GET", "/api/v1/contractors", token),
  createContractor: (token: string, terms: NewContractor) =>
    call<Contractor & { url: string }>("POST", "/api/v1/contractors", token, terms),
  renewContractor: (token: string, id: string, endsAt: string) =>
    call<unknown>("PUT", `/api/v1/contractors/${segment(id)}/end`, token, { ends_at: endsAt }),
  withdrawContractor: (token: string, id: string) =>
    call<unknown>("DELETE", `/api/v1/contractors/${segment(id)}`, token),
  enterAsPartner: (invite: string, userId: string) =>
    call<{ room_id: string; matrix_to: string; matrix_uri: string }>("POST", `/j/${segment(invite)}/partner`, null, { user_id: userId }),
  enterAsStaff: (token: string, invite: string) => call<Meeting>("POST", `/j/${segment(invite)}/staff`, token, {}),
  meetings: (token: string) => call<{ meetings: Meeting[] }>("GET", "/api/v1/meetings", token),
  meeting: (token: string, id: string) => call<Meeting>("GET", `/api/v1/meetings/${segment(id)}`, token),
  createMeeting: (token: string, title: string, agenda: string, schedule: NewSchedule | null) =>
    call<Meeting>("POST", "/api/v1/meetings", token, { title, agenda, schedule }),
  changeMeeting: (token: string, id: string, change: { title?: string; agenda?: string; schedule?: NewSchedule }) =>
    call<Meeting>("PATCH", `/api/v1/meetings/${segment(id)}`, token, change),
  moveMeetingOn: (token: string, id: string, verb: "end" | "open" | "cancel") =>
    call<Meeting>("POST", `/api/v1/meetings/${segment(id)}/${verb}`, token),
  createInvite: (token: string, id: string, uses: number, ttlS: number) =>
    call<Invite>("POST", `/api/v1/meetings/${segment(id)}/invites`, token, { uses, ttl_s: ttlS }),
  revokeInvite: (token: string, inviteId: string) =>
    call<unknown>("DELETE", `/api/v1/invites/${segment(inviteId)}`, token),
  invitePartner: (token: string, id: string, userId: string) =>
    call<unknown>("POST", `/api/v1/meetings/${segment(id)}/partners`, token, { user_id: userId }),
  calls: (token: string, meeting: string) => call<Calls>("GET", transcripts(meeting), token),
  transcript: (token: string, meeting: string, id: string) => call<Reading>("GET", transcripts(meeting, id), token),
  /** Corrects a paragraph of the final text, or a line of the live one; an empty text strikes it out. */
  correct: (token: string, meeting: string, reading: Reading, line: string, text: string) =>
    call<Paragraph>("PATCH", lineOf(meeting, reading, line), token, { text }),
  correctCaption: (token: string, meeting: string, line: string, text: string) =>
    call<Segment>("PATCH", caption(meeting, line), token, { text }),
  /** What stood in a line before, oldest first; for whoever may correct it. */
  history: (token: string, meeting: string, reading: Reading, line: string) =>
    call<{ corrections: Past[] }>("GET", `${lineOf(meeting, reading, line)}/corrections`, token),
  glossary: (token: string, meeting: string) =>
    call<{ terms: string[] }>("GET", `/api/v1/meetings/${segment(meeting)}/glossary`, token),
  saveGlossary: (token: string, meeting: string, terms: string[]) =>
    call<{ terms: string[] }>("PUT", `/api/v1/meetings/${segment(meeting)}/glossary`, token, { terms }),
  search: (token: string, query: SearchQuery) =>
    call<Found>("GET", `/api/v1/search?${new URLSearchParams({ ...query }).toString()}`, token),
  /** A transcript as a file, with the name that the server gives it. */
  exportTranscript: (token: string, meeting: string, id: string, query: Record<string, string>) =>
    file(`${transcripts(meeting, id)}/export?${new URLSearchParams(query).toString()}`, token),
};
