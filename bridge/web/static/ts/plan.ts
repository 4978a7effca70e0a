// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain, type Invitee, type MeetingDate } from "./bridge-api";
import { announce, element, onSubmit, row, rowButton, save, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import { range, stateOf } from "./meeting-row";
import { dropSession, type Meeting, type Session, STAFF } from "./session";
import { staffSession } from "./staff-session";
import { t } from "./strings";

const meetingId = document.body.dataset["meeting"] ?? "";
/** stops: a pasted text that is no list of people; the bridge has limits of its own. */
const MAX_ADDRESSES = 50;

/** The host's page before a meeting: agenda, dates, who is invited by mail, lock and archive. */
class PlanPage {
  readonly #addresses = element<HTMLTextAreaElement>("invitees-addresses");
  readonly #moved = element<HTMLFormElement>("date-form");
  #meeting: Meeting;
  #moving: MeetingDate | null = null;

  constructor(
    readonly session: Session,
    meeting: Meeting,
  ) {
    this.#meeting = meeting;
  }

  async start(): Promise<void> {
    setHidden("view-plan", false);
    element("plan-heading").focus();
    onSubmit("agenda-form", () => this.#saying("agenda-note", () => this.#saveAgenda()));
    onSubmit("date-form", () => this.#saying("dates-note", () => this.#move()));
    onSubmit("invitees-form", () => this.#invite());
    element("date-back").addEventListener("click", () => this.#endMoving());
    this.#onClick("plan-file", "dates-note", () => this.#download());
    this.#onClick("plan-lock", "plan-note", () => this.#lock());
    this.#onClick("plan-archive", "plan-note", () => this.#archive());
    element<HTMLTextAreaElement>("plan-agenda").value = this.#meeting.agenda;
    this.#show();
    await this.#saying("invitees-note", async () => {
      const { mail, invitees } = await bridge.invitees(this.session.token, meetingId);
      setHidden("invitees-form", !mail);
      setHidden("invitees-no-mail", mail);
      this.#showInvitees(invitees);
    });
  }

  #onClick(id: string, note: string, action: () => Promise<void>): void {
    const button = element<HTMLButtonElement>(id);
    button.addEventListener("click", () => void whileBusy(button, () => this.#saying(note, action)));
  }

  async #saying(note: string, action: () => Promise<void>): Promise<void> {
    setNote(note, null);
    try {
      await action();
    } catch (error) {
      if (error instanceof BridgeError && error.status === 401) signInAgain();
      else setNote(note, explain(error));
    }
  }

  #show(meeting: Meeting = this.#meeting): void {
    this.#meeting = meeting;
    const over = meeting.state === "ended" || meeting.state === "archived";
    element("plan-heading").textContent = meeting.title;
    element("plan-state").textContent = stateOf(meeting);
    element("plan-lock").textContent = t(meeting.locked ? "plan_unlock" : "plan_lock");
    setHidden("plan-locked", !meeting.locked);
    setHidden("plan-lock", over);
    setHidden("plan-archive", meeting.state !== "ended" || meeting.organizer !== this.session.matrix.user_id);
    setHidden("plan-open", over);
    setHidden("plan-dates", !meeting.schedule);
    if (meeting.schedule) void this.#saying("dates-note", () => this.#showDates());
  }

  async #showDates(): Promise<void> {
    const { dates } = await bridge.dates(this.session.token, meetingId);
    element("dates").replaceChildren(
      ...dates.map((one) => {
        const when = range(one.starts_at, one.ends_at);
        return row(
          when,
          rowButton(t("date_move"), t("date_move_named", { when }), async () => this.#beginMoving(one)),
          rowButton(t("date_cancel"), t("date_cancel_named", { when }), () =>
            this.#saying("dates-note", async () => {
              this.#show(await bridge.cancelDate(this.session.token, meetingId, one.date));
              setNote("dates-note", t("date_cancelled", { when }));
              element("dates-heading").focus();
            }),
          ),
        );
      }),
    );
    setHidden("dates-none", dates.length > 0);
  }

  #beginMoving(one: MeetingDate): void {
    this.#moving = one;
    const moved = this.#meeting.schedule?.moved_dates.find(({ date }) => date === one.date);
    const [day = "", time = ""] = (moved?.start ?? one.date).split("T");
    element<HTMLInputElement>("date-day").value = day;
    element<HTMLInputElement>("date-time").value = time.slice(0, 5);
    element("date-zone").textContent = t("times_zone", { zone: this.#meeting.schedule?.time_zone ?? "" });
    element("date-heading").textContent = t("date_move_named", { when: range(one.starts_at, one.ends_at) });
    this.#moved.hidden = false;
    element("date-day").focus();
  }

  #endMoving(): void {
    this.#moving = null;
    this.#moved.hidden = true;
    element("dates-heading").focus();
  }

  async #move(): Promise<void> {
    const [day, time] = [element<HTMLInputElement>("date-day"), element<HTMLInputElement>("date-time")];
    const complete = Boolean(day.value && time.value);
    setFieldError(day, "date-error", complete ? null : t("error_times"));
    if (!complete || !this.#moving) return;
    const minutes = (Date.parse(this.#moving.ends_at) - Date.parse(this.#moving.starts_at)) / 60_000;
    const to = { start: `${day.value}T${time.value.slice(0, 5)}`, duration_minutes: minutes };
    this.#show(await bridge.moveDate(this.session.token, meetingId, this.#moving.date, to));
    this.#endMoving();
    setNote("dates-note", t("date_moved"));
  }

  async #saveAgenda(): Promise<void> {
    const agenda = element<HTMLTextAreaElement>("plan-agenda").value;
    this.#show(await bridge.changeMeeting(this.session.token, meetingId, { agenda }));
    setNote("agenda-note", t("agenda_saved"));
  }

  async #download(): Promise<void> {
    save(await bridge.meetingCalendar(this.session.token, meetingId));
    announce(t("downloaded", { name: "meeting.ics" }));
  }

  async #lock(): Promise<void> {
    const meeting = await bridge.setLocked(this.session.token, meetingId, !this.#meeting.locked);
    this.#show(meeting);
    setNote("plan-note", t(meeting.locked ? "plan_locked_done" : "plan_unlocked_done"));
  }

  async #archive(): Promise<void> {
    this.#show(await bridge.moveMeetingOn(this.session.token, meetingId, "archive"));
    setNote("plan-note", t("plan_archived_done"));
    element("plan-heading").focus();
  }

  async #invite(): Promise<void> {
    const addresses = this.#addresses.value.split(/[\s,;]+/).filter(Boolean);
    const count = addresses.length;
    const wrong = count === 0 ? t("error_addresses") : count > MAX_ADDRESSES ? t("error_many", { max: MAX_ADDRESSES }) : null;
    setFieldError(this.#addresses, "invitees-error", wrong);
    if (wrong) return;
    const language = element<HTMLSelectElement>("invitees-language").value;
    try {
      const people = addresses.map((address) => ({ address, language }));
      const { invitees } = await bridge.inviteByMail(this.session.token, meetingId, people);
      this.#addresses.value = "";
      this.#showInvitees(invitees);
      setNote("invitees-note", t("invitees_done", { count }));
    } catch (error) {
      setFieldError(this.#addresses, "invitees-error", explain(error));
    }
  }

  #showInvitees(invitees: Invitee[]): void {
    element("invitees").replaceChildren(
      ...invitees.map(({ id, name, address, state }) => {
        const who = name ? `${name} (${address})` : address;
        const withdraw = rowButton(t("invitee_withdraw"), t("invitee_withdraw_named", { who }), () =>
          this.#saying("invitees-note", async () => {
            const left = await bridge.withdrawInvitee(this.session.token, meetingId, id);
            this.#showInvitees(left.invitees);
            setNote("invitees-note", t("invitee_withdrawn", { who }));
            element("invitees-heading").focus();
          }),
        );
        return row(t(`invitee_${state}`, { who }), withdraw);
      }),
    );
  }
}

function signInAgain(): void {
  dropSession(STAFF);
  setHidden("view-plan", true);
  setHidden("view-sign-in", false);
}

async function start(): Promise<void> {
  const session = await staffSession().catch(() => null);
  setHidden("opening", true);
  if (!session) {
    setHidden("view-sign-in", false);
    return;
  }
  try {
    await new PlanPage(session, await bridge.meeting(session.token, meetingId)).start();
  } catch (error) {
    if (error instanceof BridgeError && error.status === 401) signInAgain();
    else setNote("plan-problem", explain(error));
  }
}

void start();
