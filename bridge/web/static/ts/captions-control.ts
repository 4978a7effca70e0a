// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { element, setNote, whileBusy } from "./dom";
import { type MatrixEvent, MatrixError } from "./matrix-client";
import type { RoomSync } from "./room-sync";
import { t } from "./strings";

const CONSENT = "org.passerelle.captions.consent";
const CALL_MEMBER = "org.matrix.msc3401.call.member";
/** Who may ask the captions in, and send them away (docs/ARCHITECTURE.md). */
export const ORGANIZER_LEVEL = 50;

export type CaptionsState = "off" | "waiting" | "on";

/** Starting, stopping and agreeing to captions: room state, read and written with the person's own token. */
export class CaptionsControl {
  readonly #switch = element<HTMLButtonElement>("captions-switch");
  readonly #consent = element<HTMLInputElement>("consent-live");
  readonly #asked = element<HTMLInputElement>("consent");

  constructor(
    readonly sync: RoomSync,
    readonly bot: string,
    readonly onState: (state: CaptionsState) => void,
    readonly say: (text: string) => void,
  ) {
    this.#switch.onclick = () => void whileBusy(this.#switch, () => this.#toggle());
    this.#consent.onchange = () => void this.#give(this.#consent.checked);
  }

  get state(): CaptionsState {
    const membership = this.sync.state("m.room.member", this.bot)?.content["membership"];
    if (membership !== "join" && membership !== "invite") return "off";
    const inCall = this.sync.stateOfType(CALL_MEMBER).some((event) => event.sender === this.bot && Object.keys(event.content).length > 0);
    return inCall ? "on" : "waiting";
  }

  get mayOrganize(): boolean {
    return this.sync.powerLevel(this.sync.client.session.user_id) >= ORGANIZER_LEVEL;
  }

  /** Follows the room: whether captions run, and what this person has agreed to. */
  takeState(event: MatrixEvent): void {
    if (event.type === CONSENT && event.state_key === this.sync.client.session.user_id) {
      this.#consent.checked = this.#asked.checked = event.content["allow"] === true;
    }
    this.refresh();
  }

  refresh(): void {
    const { state } = this;
    this.#switch.hidden = !this.mayOrganize || this.bot === "";
    this.#switch.dataset["captionsState"] = state;
    const text = element("captions-switch-text");
    text.textContent = (state === "off" ? text.dataset["start"] : text.dataset["stop"]) ?? "";
    this.onState(state);
  }

  /** Writes down what was chosen at the door, if it differs from what the room knows. */
  async agreeAsAsked(): Promise<void> {
    await this.sync.ready;
    const known = this.sync.state(CONSENT, this.sync.client.session.user_id)?.content["allow"] === true;
    this.#consent.checked = this.#asked.checked;
    if (this.#asked.checked !== known) await this.#give(this.#asked.checked);
  }

  async #give(allow: boolean): Promise<void> {
    try {
      await this.sync.client.send(CONSENT, { allow }, { stateKey: this.sync.client.session.user_id });
      this.#asked.checked = allow;
      this.say(t(allow ? "consent_given" : "consent_withdrawn"));
    } catch {
      this.#consent.checked = !allow;
      setNote("banner", t("consent_failed"));
    }
  }

  async #toggle(): Promise<void> {
    try {
      if (this.state === "off") {
        await this.sync.client.invite(this.bot);
        this.say(t("captions_started"));
      } else {
        await this.sync.client.kick(this.bot, "captions stopped");
        this.say(t("captions_stopped"));
      }
      setNote("banner", null);
    } catch (error) {
      const reason = error instanceof MatrixError ? error.message : t("error_network");
      setNote("banner", t("captions_failed", { reason }));
    }
  }
}
