// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain } from "./bridge-api";
import { announce, element, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import { InviteDialog } from "./invite-dialog";
import { showOwnSessions } from "./own-sessions";
import { dropSession, type Meeting, type Session, STAFF } from "./session";
import { introduction, signOut, staffSession } from "./staff-session";
import { t } from "./strings";

/** The start page: what this is, or, once signed in, the person's meetings. */
class HomePage {
  #session: Session | null = null;
  readonly #dialog = new InviteDialog(() => this.#session?.token ?? "");

  async start(): Promise<void> {
    const leave = element<HTMLButtonElement>("sign-out");
    leave.addEventListener("click", () => void whileBusy(leave, () => this.#signOut()));
    if (location.hash === "#signed-out") {
      history.replaceState(null, "", location.pathname + location.search);
      setNote("home-note", t("signed_out"));
    }
    element<HTMLFormElement>("create-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const button = element("create-form").querySelector<HTMLButtonElement>("button");
      if (button) void whileBusy(button, () => this.#create());
    });
    try {
      this.#session = await staffSession();
    } catch {
      setNote("home-note", t("problem_code_text"));
      return;
    }
    if (this.#session) await this.#openDesk(this.#session);
  }

  async #openDesk(session: Session): Promise<void> {
    setHidden("view-welcome", true);
    setHidden("view-desk", false);
    setHidden("sign-out", false);
    setHidden("who", false);
    element("who").textContent = introduction(session.user);
    element("desk-heading").focus();
    showOwnSessions(session);
    try {
      const { meetings } = await bridge.meetings(session.token);
      element("meetings").replaceChildren(...meetings.map((meeting) => this.#row(meeting)));
      this.#showEmpty();
    } catch (error) {
      if (error instanceof BridgeError && error.status === 401) this.#ended();
      else element("desk-state").textContent = explain(error);
    }
  }

  async #create(): Promise<void> {
    const field = element<HTMLInputElement>("create-title");
    const title = field.value.trim();
    setFieldError(field, "create-error", title ? null : t("error_title"));
    if (!title || !this.#session) return;
    try {
      const meeting = await bridge.createMeeting(this.#session.token, title);
      field.value = "";
      const row = this.#row(meeting);
      element("meetings").prepend(row);
      this.#showEmpty();
      announce(t("meeting_created", { title }));
      row.querySelector<HTMLAnchorElement>("a.button-primary")?.focus();
    } catch (error) {
      setFieldError(field, "create-error", explain(error));
    }
  }

  #row(meeting: Meeting): HTMLLIElement {
    const row = document.createElement("li");
    row.className = "meeting card";
    const title = document.createElement("span");
    title.className = "meeting-title";
    title.textContent = meeting.title;
    const invite = document.createElement("button");
    invite.type = "button";
    invite.className = "button";
    invite.hidden = meeting.organizer !== this.#session?.matrix.user_id; // only organisers make links
    invite.textContent = t("invite_meeting");
    invite.setAttribute("aria-label", t("invite_meeting_named", { title: meeting.title }));
    invite.addEventListener("click", () => this.#dialog.open(meeting));
    const read = document.createElement("a");
    read.className = "button";
    read.href = `/m/${encodeURIComponent(meeting.id)}/transcript`;
    read.textContent = t("transcript");
    read.setAttribute("aria-label", t("transcript_named", { title: meeting.title }));
    const open = document.createElement("a");
    open.className = "button button-primary";
    open.href = `/m/${encodeURIComponent(meeting.id)}`;
    open.textContent = t("open_meeting");
    open.setAttribute("aria-label", t("open_meeting_named", { title: meeting.title }));
    row.append(title, invite, read, open);
    return row;
  }

  #showEmpty(): void {
    element("desk-state").hidden = element("meetings").childElementCount > 0;
    element("desk-state").textContent = element("desk-state").dataset["empty"] ?? "";
  }

  async #signOut(): Promise<void> {
    if (this.#session) await signOut(this.#session);
  }

  #ended(): void {
    dropSession(STAFF);
    location.replace("/");
  }
}

void new HomePage().start();
