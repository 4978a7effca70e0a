// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/**
 * Sessions live in sessionStorage only: a window of the staff and a guest's window of one browser share nothing,
 * and closing the window ends it.
 */

/** When a meeting is to be: a wall time of a zone, once or by a rule (RFC 5545). */
export interface NewSchedule {
  start: string;
  time_zone: string;
  duration_minutes: number;
  rrule: string | null;
}

export interface Schedule extends NewSchedule {
  sequence: number;
  moved_dates: { date: string; start: string; duration_minutes: number }[];
}

/** Who waits until a host lets them in. */
export type Lobby = "off" | "guests" | "outsiders" | "everybody";

export interface Meeting {
  id: string;
  title: string;
  room_id: string;
  organizer: string;
  url: string;
  state: "scheduled" | "lobby" | "live" | "ended" | "archived";
  agenda: string;
  locked: boolean;
  lobby: Lobby;
  cancelled: boolean;
  /** Of the date that runs or is next. */
  starts_at: string | null;
  ends_at: string | null;
  schedule: Schedule | null;
}

export interface MatrixSession {
  user_id: string;
  device_id: string;
  access_token: string;
  base_url: string;
  server_name: string;
}

export interface Session {
  token: string;
  user: { id: string; display_name: string; door: "staff" | "guest"; organization?: string; operator?: boolean };
  matrix: MatrixSession;
  meeting: Meeting | null;
}

export const STAFF = "passerelle.staff";

/** One link, one guest: a reloaded page goes on with the same account and takes no second use. */
export function guestKey(inviteToken: string): string {
  return `passerelle.guest.${inviteToken}`;
}

export function loadSession(key: string): Session | null {
  const stored = sessionStorage.getItem(key);
  return stored === null ? null : (JSON.parse(stored) as Session);
}

/** Who reads a meeting in this window: staff, or the guest who came to it by a link. */
export function loadSessionOf(meetingId: string): Session | null {
  const keys = Object.keys(sessionStorage).filter((key) => key.startsWith(guestKey("")));
  const guests = keys.map(loadSession).filter((session) => session?.meeting?.id === meetingId);
  return loadSession(STAFF) ?? guests[0] ?? null;
}

export function saveSession(key: string, session: Session): void {
  sessionStorage.setItem(key, JSON.stringify(session));
}

export function dropSession(key: string): void {
  sessionStorage.removeItem(key);
}

/** What a redirect left in the address (`#code=…`), taken out of the address and of the history at once. */
export function takeFromAddress(name: string): string | null {
  const left = new URLSearchParams(location.hash.slice(1)).get(name);
  if (left !== null) history.replaceState(null, "", location.pathname + location.search);
  return left;
}
