// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain } from "./bridge-api";
import { CallSeat } from "./call-seat";
import { CallView } from "./call-view";
import { DeviceCheck } from "./devices";
import { announce, element, setFieldError, setHidden, whileBusy } from "./dom";
import { GuestMail } from "./guest-mail";
import { inviteProblem } from "./invite-problem";
import { NetworkCheck } from "./network-check";
import { PartnerDoor } from "./partner-door";
import { dropSession, guestKey, loadSession, saveSession, type Session, STAFF, takeFromAddress } from "./session";
import { signInSilently, staffSession } from "./staff-session";
import { t } from "./strings";
import { showProblem, showView } from "./views";
import { isPlace, type Place, Waiting } from "./waiting";
import { warmCache } from "./warm";

/** Refusals before anything was written down: of what was typed, or for a while. */
const NOTHING_DONE: ReadonlySet<number> = new Set([400, 403, 429]);

/** The page of a link: a guest's name, a colleague's sign-in, or a partner's Matrix account. */
class JoinPage {
  readonly #invite = document.body.dataset["token"] ?? "";
  readonly #devices = new DeviceCheck();
  readonly #network = new NetworkCheck();
  readonly #name = element<HTMLInputElement>("guest-name");
  readonly #organisation = element<HTMLInputElement>("guest-organisation");
  readonly #link = `/j/${encodeURIComponent(this.#invite)}`;
  readonly #mail = new GuestMail(this.#invite);
  #session: Session | null = null;
  /** Element Call, started for the guest who may come in here; for nobody else. */
  #prepared: CallSeat | null = null;
  #entering = false;
  #call: CallView | null = null;
  #partner: PartnerDoor | null = null;

  async start(): Promise<void> {
    element<HTMLFormElement>("guest-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(element<HTMLButtonElement>("guest-join"), () => this.#enterAsGuest());
    });
    this.#partner = new PartnerDoor(this.#invite, (kind) => this.#problem(kind), (place) => this.#wait(place));
    const known = loadSession(guestKey(this.#invite));
    const chooses = takeFromAddress("door") === "choose"; // staff who want to come in otherwise
    const { place } = known ? { place: null } : await bridge.place(this.#link).catch(() => ({ place: null }));
    if (!known && !chooses && place?.door !== "guest" && (await this.#enterAsStaff())) return;
    if (known?.meeting) {
      this.#session = known;
      this.#name.value = known.user.display_name;
      this.#name.readOnly = true;
      this.#organisation.readOnly = true;
      this.#open(known);
    } else {
      void this.#prepare();
    }
    if (place) this.#comeBack(place);
    await this.#devices.startIfAllowed();
  }

  /** Starts Element Call out of sight while a name is typed, and tests the network. */
  async #prepare(): Promise<void> {
    await warmCache();
    try {
      const { seat } = await bridge.seat(this.#invite);
      if (seat && !this.#entering) this.#prepared = new CallSeat(seat);
      else performance.mark("passerelle-warm");
    } catch (error) {
      if (inviteProblem(error) !== undefined) return; // said when the person joins; asking more often is guessing
    }
    await this.#network.run(this.#invite);
  }

  /** Goes on where a page was that is gone: in the queue, or before the door with the name that one gave. */
  #comeBack(place: Place): void {
    if (place.door === "guest") {
      this.#name.value = place.name;
      this.#organisation.value = place.organisation;
    }
    if (place.door === "partner") element<HTMLInputElement>("partner-id").value = place.name;
    if (place.state !== "entered" && place.state !== "expired" && place.state !== "left") this.#wait(place);
  }

  /** Shows the queue in the place of the doors; once a host says yes the same door is asked again. */
  #wait(place: Place): void {
    setHidden("doors", true);
    const back = (): void => setHidden("doors", false);
    new Waiting(this.#link, {
      onAdmitted: async () => {
        if (place.door === "staff") await this.#enterAsStaff();
        else if (place.door === "partner") await this.#partner?.enter();
        else await this.#enterAsGuest();
        setHidden("waiting", true);
        back();
      },
      onOver: (errcode, ask) => {
        back();
        showProblem(inviteProblem(new BridgeError(410, errcode, "")) ?? "over", {}, ask ? t("problem_over_ask", { ask }) : undefined);
      },
      onLeft: () => {
        back();
        announce(t("waiting_left"));
        this.#name.focus();
      },
    }).start();
  }

  async #enterAsGuest(): Promise<void> {
    const name = this.#name.value.trim();
    setFieldError(this.#name, "guest-error", name ? null : t("error_name"));
    if (!name) return;
    this.#network.stop();
    this.#entering = true;
    const button = element("guest-join");
    const label = button.textContent;
    button.textContent = t("busy_joining");
    announce(t("busy_joining"));
    try {
      const account = this.#prepared?.seat.user_id;
      const entered =
        this.#session ?? (await bridge.enterAsGuest(this.#invite, name, this.#organisation.value.trim(), this.#mail.proof, account));
      if (isPlace(entered)) {
        this.#wait(entered.place);
        return;
      }
      this.#session = entered;
      saveSession(guestKey(this.#invite), this.#session);
      const call = this.#call ?? this.#open(this.#session);
      const { choice } = this.#devices;
      this.#devices.stop();
      call?.join(choice);
    } catch (error) {
      if (error instanceof BridgeError && !NOTHING_DONE.has(error.status)) this.#giveUpSeat();
      if (!this.#mail.refused(error)) this.#refused(error, "guest-error", this.#name);
    } finally {
      button.textContent = label;
    }
  }

  #open(session: Session): CallView | null {
    if (!session.meeting) return null;
    this.#call = new CallView(session, session.meeting, () => dropSession(guestKey(this.#invite)), this.#prepared);
    this.#prepared = null;
    return this.#call;
  }

  /** Somebody may be written down for it: another try is somebody else's. */
  #giveUpSeat(): void {
    this.#prepared?.stop();
    this.#prepared = null;
  }

  /** Takes the staff door by itself for whoever is signed in, or can be without a question; false: the person chooses. */
  async #enterAsStaff(): Promise<boolean> {
    const signIn = element<HTMLAnchorElement>("staff-sign-in").href;
    try {
      const session = await staffSession();
      if (!session) return signInSilently();
      const meeting = await bridge.enterAsStaff(session.token, this.#invite);
      if (isPlace(meeting)) {
        this.#wait(meeting.place);
        void this.#devices.startIfAllowed();
        return true;
      }
      location.replace(`/m/${encodeURIComponent(meeting.id)}#invite=${encodeURIComponent(this.#invite)}`);
    } catch (error) {
      if (error instanceof BridgeError && error.errcode === "M_UNKNOWN_TOKEN") {
        dropSession(STAFF);
        return signInSilently();
      }
      showProblem(inviteProblem(error) ?? "code", { signIn });
    }
    return true;
  }

  #refused(error: unknown, noteId: string, field: HTMLInputElement): void {
    const problem = inviteProblem(error);
    if (problem === undefined) {
      setFieldError(field, noteId, explain(error));
      return;
    }
    this.#problem(problem);
  }

  #problem(problem: string): void {
    this.#devices.stop();
    // A second try makes sense only where the link may have been copied wrongly or was just renewed.
    showProblem(problem, { retry: () => showView("door") });
  }
}

void new JoinPage().start();
