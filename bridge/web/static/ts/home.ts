// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain } from "./bridge-api";
import { ChangeDialog } from "./change-dialog";
import { announce, element, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import { InviteDialog } from "./invite-dialog";
import { byTime, meetingRow, type RowActions } from "./meeting-row";
import { dropSession, type Lobby, type Meeting, type Session, STAFF } from "./session";
import { introduction, signOut, staffSession } from "./staff-session";
import { t } from "./strings";
import { TimesForm } from "./times-form";

/** The start page: what this is, or, once signed in, the person's meetings. */
class HomePage {
  #session: Session | null = null;
  #meetings: Meeting[] = [];
  readonly #invite = new InviteDialog(() => this.#session?.token ?? "");
  readonly #change = new ChangeDialog(
    () => this.#session?.token ?? "",
    (meeting) => this.#replace(meeting),
  );
  readonly #times = new TimesForm("create");

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
    for (const choice of ["create-now", "create-later"]) {
      element(choice).addEventListener("change", () =>
        setHidden("create-times", !element<HTMLInputElement>("create-later").checked),
      );
    }
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
    setHidden("desk-access", !session.user.operator);
    element("desk-heading").focus();
    try {
      const { meetings } = await bridge.meetings(session.token);
      this.#meetings = meetings;
      this.#show();
    } catch (error) {
      if (error instanceof BridgeError && error.status === 401) this.#ended();
      else element("desk-state").textContent = explain(error);
    }
  }

  async #create(): Promise<void> {
    const field = element<HTMLInputElement>("create-title");
    const agenda = element<HTMLTextAreaElement>("create-agenda");
    const title = field.value.trim();
    setFieldError(field, "create-error", title ? null : t("error_title"));
    const later = element<HTMLInputElement>("create-later").checked;
    const lobby = element<HTMLSelectElement>("create-lobby").value as Lobby;
    const schedule = later ? this.#times.read() : null;
    if (!title || !this.#session || (later && !schedule)) return;
    try {
      const meeting = await bridge.createMeeting(this.#session.token, title, agenda.value, schedule, lobby);
      field.value = agenda.value = "";
      this.#replace(meeting);
      announce(t("meeting_created", { title }));
    } catch (error) {
      if (schedule) this.#times.showError(explain(error));
      else setFieldError(field, "create-error", explain(error));
    }
  }

  /** Puts every meeting where it belongs; `focus` is one whose page is to be the next thing that Enter opens. */
  #show(focus?: Meeting): void {
    const me = this.#session?.matrix.user_id;
    const actions = {
      invite: (meeting: Meeting) => this.#invite.open(meeting),
      change: (meeting: Meeting) => this.#change.open(meeting),
    };
    const isPast = (meeting: Meeting) => meeting.state === "ended";
    for (const [list, found] of [
      ["meetings", this.#meetings.filter((meeting) => !isPast(meeting)).sort(byTime)],
      ["past-meetings", this.#meetings.filter(isPast)],
    ] as const) {
      element(list).replaceChildren(...found.map((meeting) => this.#row(meeting, meeting.organizer === me, actions)));
    }
    setHidden("past", !element("past-meetings").childElementCount);
    element("desk-state").hidden = element("meetings").childElementCount > 0;
    element("desk-state").textContent = element("desk-state").dataset["empty"] ?? "";
    if (focus) this.#focus(focus);
  }

  #row(meeting: Meeting, own: boolean, actions: RowActions): HTMLLIElement {
    const row = meetingRow(meeting, own, actions);
    row.dataset["id"] = meeting.id;
    return row;
  }

  #focus(meeting: Meeting): void {
    const row = document.querySelector(`li[data-id="${CSS.escape(meeting.id)}"]`);
    const target = row?.querySelector<HTMLElement>("a.button-primary") ?? row?.querySelector<HTMLElement>("button, a");
    const details = row?.closest("details");
    if (details) details.open = true;
    target?.focus();
  }

  #replace(meeting: Meeting): void {
    this.#meetings = [meeting, ...this.#meetings.filter((known) => known.id !== meeting.id)];
    this.#show(meeting);
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
