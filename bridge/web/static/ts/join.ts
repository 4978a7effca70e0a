// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain } from "./bridge-api";
import { CallView } from "./call-view";
import { DeviceCheck } from "./devices";
import { announce, element, setFieldError, setHidden, whileBusy } from "./dom";
import { isMatrixId } from "./invite-dialog";
import { inviteProblem } from "./invite-problem";
import { dropSession, guestKey, loadSession, saveSession, type Session, STAFF, takeFromAddress } from "./session";
import { signInSilently, staffSession } from "./staff-session";
import { t } from "./strings";
import { showProblem, showView } from "./views";
import { warmCache } from "./warm";

/** The page of a link: a guest's name, a colleague's sign-in, or a partner's Matrix account. */
class JoinPage {
  readonly #invite = document.body.dataset["token"] ?? "";
  readonly #devices = new DeviceCheck();
  readonly #name = element<HTMLInputElement>("guest-name");
  readonly #organisation = element<HTMLInputElement>("guest-organisation");
  #session: Session | null = null;
  #call: CallView | null = null;

  async start(): Promise<void> {
    const known = loadSession(guestKey(this.#invite));
    const chooses = takeFromAddress("door") === "choose"; // staff who want to come in otherwise
    if (!known && !chooses && (await this.#enterAsStaff())) return;
    if (known?.meeting) {
      this.#session = known;
      this.#name.value = known.user.display_name;
      this.#name.readOnly = true;
      this.#organisation.readOnly = true;
      this.#open(known);
    } else {
      warmCache();
    }
    element<HTMLFormElement>("guest-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(element<HTMLButtonElement>("guest-join"), () => this.#enterAsGuest());
    });
    element<HTMLFormElement>("partner-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const button = element("partner-form").querySelector<HTMLButtonElement>("button");
      if (button) void whileBusy(button, () => this.#enterAsPartner());
    });
    await this.#devices.startIfAllowed();
  }

  async #enterAsGuest(): Promise<void> {
    const name = this.#name.value.trim();
    setFieldError(this.#name, "guest-error", name ? null : t("error_name"));
    if (!name) return;
    const button = element("guest-join");
    const label = button.textContent;
    button.textContent = t("busy_joining");
    announce(t("busy_joining"));
    try {
      this.#session ??= await bridge.enterAsGuest(this.#invite, name, this.#organisation.value.trim());
      saveSession(guestKey(this.#invite), this.#session);
      const call = this.#call ?? this.#open(this.#session);
      const { choice } = this.#devices;
      this.#devices.stop();
      call?.join(choice);
    } catch (error) {
      this.#refused(error, "guest-error", this.#name);
    } finally {
      button.textContent = label;
    }
  }

  #open(session: Session): CallView | null {
    if (!session.meeting) return null;
    this.#call = new CallView(session, session.meeting, () => dropSession(guestKey(this.#invite)));
    return this.#call;
  }

  async #enterAsPartner(): Promise<void> {
    const field = element<HTMLInputElement>("partner-id");
    const userId = field.value.trim();
    setFieldError(field, "partner-error", isMatrixId(userId) ? null : t("error_matrix_id"));
    if (!isMatrixId(userId)) return;
    try {
      const invited = await bridge.enterAsPartner(this.#invite, userId);
      element<HTMLAnchorElement>("partner-link").href = invited.matrix_to;
      element<HTMLAnchorElement>("partner-app").href = invited.matrix_uri;
      setHidden("partner-form", true);
      setHidden("partner-done", false);
      element("partner-done").focus();
    } catch (error) {
      this.#refused(error, "partner-error", field);
    }
  }

  /** Takes the staff door by itself for whoever is signed in, or can be without a question; false: the person chooses. */
  async #enterAsStaff(): Promise<boolean> {
    const signIn = element<HTMLAnchorElement>("staff-sign-in").href;
    try {
      const session = await staffSession();
      if (!session) return signInSilently();
      const meeting = await bridge.enterAsStaff(session.token, this.#invite);
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
    this.#devices.stop();
    // A second try makes sense only where the link may have been copied wrongly or was just renewed.
    showProblem(problem, { retry: () => showView("door") });
  }
}

void new JoinPage().start();
