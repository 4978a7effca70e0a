// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import type { Meeting } from "./session";
import { t } from "./strings";

const STATES: Record<Meeting["state"], string> = {
  scheduled: "meeting_state_scheduled",
  lobby: "meeting_state_lobby",
  live: "meeting_state_live",
  ended: "meeting_state_ended",
  archived: "meeting_state_archived",
};

/** What runs, then what is next, then what is open without a time. */
export function byTime(one: Meeting, other: Meeting): number {
  const rank = (meeting: Meeting) => (meeting.state === "live" ? 0 : meeting.starts_at ? 1 : 2);
  return rank(one) - rank(other) || (one.starts_at ?? "").localeCompare(other.starts_at ?? "");
}

/** When a meeting is, in the viewer's own time zone and language; empty without a time. */
export function when(meeting: Meeting): string {
  if (!meeting.starts_at || !meeting.ends_at || meeting.state === "ended") return "";
  const time = range(meeting.starts_at, meeting.ends_at);
  return meeting.schedule?.rrule ? t("meeting_series", { when: time }) : time;
}

/** From when to when, in the viewer's own time zone and language. */
export function range(startsAt: string, endsAt: string): string {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    weekday: "short",
    day: "numeric",
    month: "long",
    hour: "2-digit",
    minute: "2-digit",
  });
  return format.formatRange(new Date(startsAt), new Date(endsAt));
}

/** How a meeting stands, in one word. */
export function stateOf(meeting: Meeting): string {
  return t(meeting.cancelled ? "meeting_state_cancelled" : STATES[meeting.state]);
}

export interface RowActions {
  invite: (meeting: Meeting) => void;
  change: (meeting: Meeting) => void;
}

/** One line of the list; organisers are offered to invite and to change. */
export function meetingRow(meeting: Meeting, own: boolean, actions: RowActions): HTMLLIElement {
  const row = document.createElement("li");
  row.className = "meeting card";
  row.append(about(meeting));
  const over = meeting.state === "ended" || meeting.state === "archived";
  if (own && !over) row.append(button(meeting, "invite_meeting", "invite_meeting_named", actions.invite));
  if (own && meeting.state !== "archived") row.append(button(meeting, "change_meeting", "change_meeting_named", actions.change));
  const page = `/m/${encodeURIComponent(meeting.id)}`;
  if (own) row.append(link(`${page}/plan`, "button", t("plan_meeting"), t("plan_meeting_named", { title: meeting.title })));
  row.append(link(`${page}/transcript`, "button", t("transcript"), t("transcript_named", { title: meeting.title })));
  if (!over) {
    row.append(link(page, "button button-primary", t("open_meeting"), t("open_meeting_named", { title: meeting.title })));
  }
  return row;
}

function about(meeting: Meeting): HTMLElement {
  const title = document.createElement("span");
  title.className = "meeting-title";
  title.textContent = meeting.title;
  const state = document.createElement("span");
  state.className = `meeting-state meeting-state-${meeting.state}`;
  state.textContent = stateOf(meeting);
  const facts = document.createElement("span");
  facts.className = "meeting-facts";
  facts.append(state);
  const time = when(meeting);
  if (time) facts.append(` ${time}`);
  const whole = document.createElement("div");
  whole.className = "meeting-about";
  whole.append(title, facts);
  return whole;
}

function button(meeting: Meeting, text: string, named: string, action: (meeting: Meeting) => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button";
  made.textContent = t(text);
  made.setAttribute("aria-label", t(named, { title: meeting.title }));
  made.addEventListener("click", () => action(meeting));
  return made;
}

function link(href: string, className: string, text: string, label: string): HTMLAnchorElement {
  const made = document.createElement("a");
  made.className = className;
  made.href = href;
  made.textContent = text;
  made.setAttribute("aria-label", label);
  return made;
}
