// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import type { Seat } from "./call-seat";
import type { Segment } from "./captions-model";
import type { Lobby, Meeting, NewSchedule, Session } from "./session";
import type { Place } from "./waiting";
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

/** Somebody who is invited by mail, and what is with their newest letter. */
export interface Invitee {
  id: string;
  address: string;
  name: string;
  language: string;
  state: "waiting" | "sent" | "failed";
}

export interface NewInvitee {
  address: string;
  language: string;
}

export type AccessKind = "link" | "guest" | "partners" | "server" | "device";

/** Something that lets people in; `kind` and `subject` are what it is revoked by. */
export interface Access {
  kind: AccessKind;
  subject: string;
  name: string;
  /** Of whoever signed in; "" for all else. */
  user_id: string;
  about: string;
  email: string;
  by: string;
  since: string;
  until: string | null;
  used: number;
  uses: number;
  people: number;
  meetings: number;
  meeting: { id: string; title: string } | null;
}

export interface AccessPage {
  found: Access[];
  next: string | null;
}

/** One act; `done_at` is null while it goes on, `seconds` how long it took. */
export interface Revocation {
  id: string;
  done_at: string | null;
  seconds: number | null;
  people: number;
  ends: string[];
}

/** A homeserver or a person that is let in nowhere. */
export interface BarredName {
  name: string;
  by: string;
  at: string;
}

/** One date of a meeting; `date` names it within its series, wherever it moved. */
export interface MeetingDate {
  date: string;
  starts_at: string;
  ends_at: string;
}

export interface ApiToken {
  id: string;
  name: string;
  scopes: string[];
  expires_at: string;
  used_at: string | null;
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

/** Where applications open a meeting's room: whole addresses, or what follows the address of a site. */
export interface PartnerLinks {
  matrix_to: string;
  matrix_uri: string;
  element_desktop: string;
  element_web: string;
  element_call: string;
}

/** How far a partner is who was invited. */
export type Progress = "invited" | "joined" | "in_call" | "declined" | "barred";

/** A partner who was invited, or was in the room before, and what to ask with how far they are. */
export interface Invited extends PartnerLinks {
  ticket: string;
  progress: Progress;
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
/** The code that was sent to a guest's mail address, and the secret that belongs to it. */
export interface MailProof {
  check: string;
  code: string;
}

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
  const disposition = response.headers.get("Content-Disposition") ?? "";
  const [, name = "meeting.ics"] = /filename\*=UTF-8''([^;]+)/.exec(disposition) ?? [];
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

function meetingPath(id: string): string {
  return `/api/v1/meetings/${segment(id)}`;
}

function caption(meeting: string, line: string): string {
  return `/api/v1/meetings/${segment(meeting)}/captions/${segment(line)}`;
}

export const bridge = {
  exchangeCode: (code: string) => call<Session>("POST", "/auth/session", null, { code }),
  signOut: (token: string, everywhere = false) =>
    call<{ redirect: string }>("POST", everywhere ? "/auth/logout?everywhere" : "/auth/logout", token, {}),
  ownSessions: (token: string) => call<{ sessions: OwnSession[] }>("GET", "/api/v1/sessions", token),
  endSession: (token: string, id: string) => call<unknown>("DELETE", `/api/v1/sessions/${segment(id)}`, token),
  endOtherSessions: (token: string) => call<{ ended: number }>("DELETE", "/api/v1/sessions?others", token),
  /** Who a guest of this link would be in the call; null where hosts have to let them in first. */
  seat: (invite: string) => call<{ seat: Seat | null }>("POST", `/j/${segment(invite)}/seat`, null),
  enterAsGuest: (invite: string, displayName: string, organisation: string, email?: MailProof, account?: string) =>
    call<Session | { place: Place }>("POST", `/j/${segment(invite)}`, null, {
      display_name: displayName,
      organisation,
      ...(email ? { email } : {}),
      ...(account ? { account } : {}),
    }),
  askForCode: (invite: string, address: string, language: string) =>
    call<{ check: string }>("POST", `/j/${segment(invite)}/email`, null, { address, language }),
  pass: (link: string) => call<Contractor>("POST", `/c/${segment(link)}`, null, {}),
  enterAsContractor: (link: string, meeting: string) =>
    call<Session | { place: Place }>("POST", `/c/${segment(link)}/${segment(meeting)}`, null, {}),
  contractors: (token: string) => call<{ contractors: Contractor[] }>("GET", "/api/v1/contractors", token),
  createContractor: (token: string, terms: NewContractor) =>
    call<Contractor & { url: string }>("POST", "/api/v1/contractors", token, terms),
  renewContractor: (token: string, id: string, endsAt: string) =>
    call<unknown>("PUT", `/api/v1/contractors/${segment(id)}/end`, token, { ends_at: endsAt }),
  withdrawContractor: (token: string, id: string) =>
    call<unknown>("DELETE", `/api/v1/contractors/${segment(id)}`, token),
  beginNetworkTest: (invite: string) =>
    call<{ url: string; jwt: string }>("POST", `/j/${segment(invite)}/network-test`, null),
  enterAsPartner: (invite: string, userId: string) =>
    call<Invited | { place: Place }>("POST", `/j/${segment(invite)}/partner`, null, { user_id: userId }),
  partnerProgress: (invite: string, ticket: string) =>
    call<{ progress: Progress }>("GET", `/j/${segment(invite)}/partner/${segment(ticket)}`, null),
  enterAsStaff: (token: string, invite: string) => call<Meeting | { place: Place }>("POST", `/j/${segment(invite)}/staff`, token, {}),
  /** This browser's place before a link (`/j/…`, `/c/…/…`); null when it has none. */
  place: (link: string) => call<{ place: Place | null }>("GET", `${link}/place`, null),
  leavePlace: (link: string) => call<unknown>("DELETE", `${link}/place`, null),
  decideWaiting: (token: string, id: string, place: string, verb: "admit" | "refuse") =>
    call<unknown>("POST", `/api/v1/meetings/${segment(id)}/waiting/${segment(place)}/${verb}`, token),
  /** Lets in all who wait, or (not "") all from one organisation or homeserver. */
  admitWaiting: (token: string, id: string, organisation: string) =>
    call<unknown>("POST", `/api/v1/meetings/${segment(id)}/waiting/admit`, token, { organisation }),
  meetings: (token: string) => call<{ meetings: Meeting[] }>("GET", "/api/v1/meetings", token),
  moderate: (token: string, id: string, method: string, path: string, body?: unknown) =>
    call<unknown>(method, `/api/v1/meetings/${segment(id)}/${path}`, token, body),
  meeting: (token: string, id: string) => call<Meeting>("GET", `/api/v1/meetings/${segment(id)}`, token),
  hosts: (token: string, id: string) => call<{ hosts: string[] }>("GET", `/api/v1/meetings/${segment(id)}/hosts`, token),
  createMeeting: (token: string, title: string, agenda: string, schedule: NewSchedule | null, lobby: Lobby | null) =>
    call<Meeting>("POST", "/api/v1/meetings", token, { title, agenda, schedule, lobby }),
  changeMeeting: (token: string, id: string, change: { title?: string; agenda?: string; schedule?: NewSchedule; lobby?: Lobby }) =>
    call<Meeting>("PATCH", `/api/v1/meetings/${segment(id)}`, token, change),
  moveMeetingOn: (token: string, id: string, verb: "end" | "open" | "cancel" | "archive") =>
    call<Meeting>("POST", `/api/v1/meetings/${segment(id)}/${verb}`, token),
  setLocked: (token: string, id: string, locked: boolean) =>
    call<Meeting>(locked ? "PUT" : "DELETE", `${meetingPath(id)}/lock`, token),
  dates: (token: string, id: string) => call<{ dates: MeetingDate[] }>("GET", `${meetingPath(id)}/dates`, token),
  moveDate: (token: string, id: string, date: string, to: { start: string; duration_minutes: number }) =>
    call<Meeting>("PATCH", `${meetingPath(id)}/dates/${segment(date)}`, token, to),
  cancelDate: (token: string, id: string, date: string) =>
    call<Meeting>("DELETE", `${meetingPath(id)}/dates/${segment(date)}`, token),
  meetingCalendar: (token: string, id: string) => file(`${meetingPath(id)}/calendar.ics`, token),
  invitees: (token: string, id: string) =>
    call<{ mail: boolean; invitees: Invitee[] }>("GET", `${meetingPath(id)}/invitees`, token),
  inviteByMail: (token: string, id: string, people: NewInvitee[]) =>
    call<{ invitees: Invitee[] }>("POST", `${meetingPath(id)}/invitees`, token, { people }),
  withdrawInvitee: (token: string, id: string, invitee: string) =>
    call<{ invitees: Invitee[] }>("DELETE", `${meetingPath(id)}/invitees/${segment(invitee)}`, token),
  calendar: (token: string) => call<{ created_at: string | null }>("GET", "/api/v1/calendar", token),
  subscribe: (token: string) => call<{ url: string }>("POST", "/api/v1/calendar", token),
  unsubscribe: (token: string) => call<unknown>("DELETE", "/api/v1/calendar", token),
  apiTokens: (token: string) => call<{ tokens: ApiToken[] }>("GET", "/api/v1/tokens", token),
  createApiToken: (token: string, name: string, scopes: string[], days: number) =>
    call<ApiToken & { token: string }>("POST", "/api/v1/tokens", token, { name, scopes, expires_in_days: days }),
  revokeApiToken: (token: string, id: string) => call<unknown>("DELETE", `/api/v1/tokens/${segment(id)}`, token),
  createInvite: (token: string, id: string, uses: number, ttlS: number, verifyEmail: boolean) =>
    call<Invite>("POST", `/api/v1/meetings/${segment(id)}/invites`, token, {
      uses,
      ttl_s: ttlS,
      verify_email: verifyEmail,
    }),
  revokeInvite: (token: string, inviteId: string) =>
    call<unknown>("DELETE", `/api/v1/invites/${segment(inviteId)}`, token),
  accessOf: (token: string, id: string, kind: AccessKind, after: string) =>
    call<AccessPage>("GET", `${meetingPath(id)}/access?${new URLSearchParams({ kind, after }).toString()}`, token),
  lookForAccess: (token: string, kind: AccessKind, text: string, after: string) =>
    call<AccessPage>("POST", "/api/v1/access", token, { kind, text, after }),
  revoke: (token: string, kind: AccessKind, subject: string) =>
    call<Revocation>("POST", "/api/v1/revocations", token, { kind, subject }),
  revocation: (token: string, id: string) => call<Revocation>("GET", `/api/v1/revocations/${segment(id)}`, token),
  barred: (token: string) => call<{ barred: BarredName[] }>("GET", "/api/v1/barred", token),
  letInAgain: (token: string, name: string) => call<unknown>("DELETE", `/api/v1/barred/${segment(name)}`, token),
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
